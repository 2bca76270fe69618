"""How long the others still hold us for alive. Pure: the clock is handed in.

A heartbeat counts from when it was sent: whoever reads it may find it as old as that. Who has not been able to renew
its lease must behave as the others will: as dead.
"""

from __future__ import annotations

from collections.abc import Callable


class Lease:
    """Runs out `length_s` after the sending of the last heartbeat that arrived; out until the first one."""

    def __init__(self, length_s: float, monotonic: Callable[[], float]) -> None:
        self.length_s = length_s
        self._monotonic = monotonic
        self._until: float | None = None

    def renew(self, sent_at: float) -> None:
        """Note that the heartbeat that was sent then (monotonic seconds) has arrived."""
        self._until = sent_at + self.length_s

    def end(self) -> None:
        """Give the lease back."""
        self._until = None

    @property
    def held(self) -> bool:
        """Whether a lease was had and not given back; it may have run out."""
        return self._until is not None

    @property
    def left_s(self) -> float:
        """Return the seconds that are left; 0 when it has run out."""
        return 0.0 if self._until is None else max(0.0, self._until - self._monotonic())
