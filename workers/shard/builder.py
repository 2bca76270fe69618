"""Which batches go into one window: a pure builder, bounded by count, bytes, age and operation.

Deliveries go in in the broker's order and come out in it. A window holds one operation, so it ends where the
operation changes; replays of dead letters, which may not go over what is in the same window, have their own. A batch
whose sender waits for the reply makes its window due at once, and so does one that comes after a lull: waiting pays
where more is to be expected.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.batches import Batch
from schemas.settings import Settings
from workers.amqp.delivery import Delivery


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds a window: number of batches, message bytes, and age in seconds."""

    batches: int
    size: int
    age: float

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """Return the limits of the settings."""
        return cls(settings.window_max_batches, settings.window_max_bytes, settings.window_max_age_ms / 1000)


class Lull:
    """Whether batches come in a stream to a worker, whatever their shards, or this one after nothing for a while."""

    def __init__(self) -> None:
        self._last_at = float("-inf")

    def ended_by(self, at: float, age: float) -> bool:
        """Return whether none came in the `age` seconds before one that came `at` (monotonic seconds), and note it."""
        alone = at - self._last_at > age
        self._last_at = max(at, self._last_at)  # another shard's may have been looked at first
        return alone


class WindowBuilder:
    """Collects one window; the first delivery that does not fit waits for the next one."""

    def __init__(self, limits: Limits, lull: Lull) -> None:
        self._limits = limits
        self._lull = lull
        self._window: list[Delivery] = []
        self._size = 0
        self._urgent = False
        self._next: Delivery | None = None

    def __len__(self) -> int:
        """Return the number of deliveries held."""
        return len(self._window) + (self._next is not None)

    @property
    def batches(self) -> list[Batch]:
        """The batches held, in order."""
        return [delivery.batch for delivery in (*self._window, *filter(None, (self._next,)))]

    @property
    def full(self) -> bool:
        """Whether the window is complete: nothing may be offered before `take`."""
        return self._next is not None or len(self._window) >= self._limits.batches or self._size >= self._limits.size

    def offer(self, delivery: Delivery) -> None:
        """Add the next delivery, in the broker's order; the window must not be full."""
        assert not self.full, "take the window first"
        if self._window and not self._fits(delivery):
            self._next = delivery
            return
        self._window.append(delivery)
        self._size += delivery.size
        alone = self._lull.ended_by(delivery.at, self._limits.age)
        self._urgent = self._urgent or alone or delivery.reply_to is not None

    def due(self) -> float | None:
        """Return the monotonic time from which the window may go, -inf for at once, None when there is nothing."""
        if not self._window:
            return None
        if self.full or self._urgent:
            return float("-inf")
        return self._window[0].at + self._limits.age

    def take(self) -> list[Delivery]:
        """Return the window and begin the next one."""
        window, first = self._window, self._next
        self._window, self._size, self._urgent, self._next = [], 0, False, None
        if first is not None:
            self.offer(first)
        return window

    def _fits(self, delivery: Delivery) -> bool:
        return (
            delivery.batch.operation is self._window[0].batch.operation
            and (delivery.batch.replays is None) is (self._window[0].batch.replays is None)
            and self._size + delivery.size <= self._limits.size
        )
