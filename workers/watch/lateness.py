"""What is oldest in a shard: decided from what its owner says, what the broker holds, and what we have seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ShardState:
    """A row of `shard_state`; `passed_at` is the time before which nothing is left in the queue, as owners know it."""

    worker_id: str
    host: str
    oldest_at: datetime | None
    applied_at: datetime | None
    passed_at: datetime | None
    waits_for: str | None
    waits_reason: str | None
    alive: bool


@dataclass(frozen=True, slots=True)
class Queue:
    """What the broker says of a shard's queue: batches that wait to be delivered, and consumers."""

    ready: int
    consumers: int


class Emptiness:
    """When each shard was last seen empty by this watcher: a queue that stood empty for days is not late."""

    def __init__(self) -> None:
        self._first_seen: dict[int, datetime] = {}
        self._empty_at: dict[int, datetime] = {}

    def look(self, shard: int, queue: Queue, state: ShardState | None, now: datetime) -> datetime | None:
        """Take note of a shard, and return the receive time of its oldest batch that is not applied.

        Where nobody knows it, a time that is not later: that of the last batch applied, or when the queue was last
        seen empty. None when nothing waits.
        """
        self._first_seen.setdefault(shard, now)
        in_hand = state.oldest_at if state is not None and (state.alive or queue.ready) else None
        if in_hand is None and not queue.ready:
            self._empty_at[shard] = now
        if in_hand is not None:
            return in_hand
        if not queue.ready:
            return None
        known = [
            at for at in (state.passed_at if state is not None else None, self._empty_at.get(shard)) if at is not None
        ]
        return max(known, default=self._first_seen[shard])
