"""How often something may be done, whoever asks for it: so many times a second, or at once after a rest. Pure."""

from __future__ import annotations


class Pace:
    """An allowance that fills up again."""

    def __init__(self, per_s: float, now: float) -> None:
        """Start with a whole second's; `now` is in seconds."""
        self._per_s = self._left = per_s
        self._at = now

    def take(self, now: float) -> bool:
        """Count one; return False, and count nothing, where it is one too many."""
        self._left = min(self._per_s, self._left + (now - self._at) * self._per_s)
        self._at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
