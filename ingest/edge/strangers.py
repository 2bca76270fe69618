"""Hashes that no feed has: remembered, and looked up so many times a second at most, whoever makes them up."""

from __future__ import annotations

import time
from collections.abc import Callable

from ingest.edge.feeds import unknown
from ingest.http.pace import Pace
from ingest.http.problems import ProblemError

LOOK_UPS_PER_S = 20.0
MAX_REMEMBERED = 10_000


class Strangers:
    """What was looked up in vain. A hash is random: one that is unknown once is never a feed's later."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds."""
        self._clock = clock
        self._known: set[bytes] = set()
        self._pace = Pace(LOOK_UPS_PER_S, clock())

    def check(self, digest: bytes) -> None:
        """Count a look-up; raises `ProblemError` 401 for a hash that was looked up in vain, 429 for one too many."""
        if digest in self._known:
            raise unknown()
        if not self._pace.take(self._clock()):
            detail = "Too many unknown hashes at the moment; send it again."
            raise ProblemError(429, "edge.hash.busy", detail, headers={"Retry-After": "1"})

    def remember(self, digest: bytes) -> None:
        """Keep a hash that no feed has."""
        if len(self._known) >= MAX_REMEMBERED:
            self._known.clear()
        self._known.add(digest)
