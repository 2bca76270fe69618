"""How long to wait before the next try: doubling, capped, jittered. Pure; the caller sleeps."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """Delays in seconds: `first_s`, doubled at each call up to `cap_s`, each shortened by up to half by chance.

    The jitter keeps a fleet from coming back all at once (AWS Architecture Blog, "Exponential Backoff And Jitter").
    """

    first_s: float = 0.05
    cap_s: float = 2.0
    chance: Callable[[], float] = random.random
    tries: int = 0

    def delay(self) -> float:
        """Return the next delay."""
        whole = min(self.cap_s, self.first_s * (1 << min(self.tries, 30)))
        self.tries += 1
        return whole * (1 - self.chance() / 2)

    def reset(self) -> None:
        """Begin again: the last try succeeded."""
        self.tries = 0
