"""How long to wait before the next try: doubling, capped, jittered. Pure; the caller sleeps."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass


def delay_s(tries: int, first_s: float, cap_s: float, jitter: float) -> float:
    """Return the seconds to wait after so many tries before the last: `first_s`, doubled each time up to `cap_s`.

    By `jitter`, from 0 to 1, it is between half and the whole of that, which keeps a fleet from coming back all at once
    (AWS Architecture Blog, "Exponential Backoff And Jitter").
    """
    return min(cap_s, first_s * (1 << min(tries, 30))) * (0.5 + jitter / 2)


@dataclass(slots=True)
class Backoff:
    """The delays of something that is tried again and again, in seconds."""

    first_s: float = 0.05
    cap_s: float = 2.0
    jitter: Callable[[], float] = random.random
    tries: int = 0

    def delay(self) -> float:
        """Return the next delay."""
        delay = delay_s(self.tries, self.first_s, self.cap_s, self.jitter())
        self.tries += 1
        return delay

    def reset(self) -> None:
        """Begin again: the last try succeeded."""
        self.tries = 0
