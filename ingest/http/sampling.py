"""Log lines that strangers can cause, bounded: the first few of a kind in each span, and how many were left out."""

from __future__ import annotations

import time
from collections.abc import Callable

MOST, SPAN_S = 10, 10.0


class Sampled:
    """Decides for each event whether it is worth a line. Kinds must come from a closed list: each is remembered."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds."""
        self._clock = clock
        self._spans: dict[str, tuple[float, int]] = {}
        self._left_out: dict[str, int] = {}

    def take(self, kind: str) -> int | None:
        """Return how many of this kind were left out since the last line; None when this one is left out too."""
        now = self._clock()
        began, taken = self._spans.get(kind, (now, 0))
        if now - began >= SPAN_S:
            began, taken = now, 0
        if taken >= MOST:
            self._left_out[kind] = self._left_out.get(kind, 0) + 1
            return None
        self._spans[kind] = began, taken + 1
        return self._left_out.pop(kind, 0)
