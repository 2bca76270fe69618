"""What the fleet is told of a shard: its row of the table `shard_state`. Times, never ages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from schemas import metrics
from schemas.batches import Batch
from workers.clock import Clock

TOP_FEEDS = 5


class State:
    """Kept by a shard's owner, over all of its consumers."""

    def __init__(self, shard: int, clock: Clock, owner: object) -> None:
        """`owner` is the worker's id, by which the metric of the watermark tells owners apart."""
        self.shard = shard
        self._watermark = str(shard), str(owner)
        self._now = clock.now
        self._since: datetime | None = None
        self._applied_at: datetime | None = None
        self._applied_received_at: datetime | None = None
        self._empty_at: datetime | None = None
        self._gone_at: datetime | None = None

    def begin(self) -> None:
        """Consuming begins."""
        self._since = self._now()

    def end(self) -> None:
        """Consuming has ended, for now or for good."""
        self._since = None
        with suppress(KeyError):  # who has the shard next tells when it was last applied
            metrics.APPLIED.remove(*self._watermark)

    def committed(self, batches: Sequence[Batch]) -> None:
        """Note that these are committed."""
        self._applied_at = self._now()
        metrics.APPLIED.labels(*self._watermark).set(self._applied_at.timestamp())
        newest = datetime.fromtimestamp(max(batch.received_ms for batch in batches) / 1000, UTC)
        if self._applied_received_at is None or newest > self._applied_received_at:
            self._applied_received_at = min(newest, self._applied_at)

    def found_empty(self, at: datetime) -> None:
        """Note that the queue was empty then, with nothing in hand."""
        self._empty_at = at

    def found_gone(self) -> None:
        """Note that the queue was deleted under us."""
        self._gone_at = self._now()

    @property
    def passed_at(self) -> datetime | None:
        """The time before which nothing is left in the queue, as far as this owner knows."""
        known = [at for at in (self._applied_received_at, self._empty_at) if at is not None]
        return max(known, default=None)

    def row(self, in_hand: Sequence[Batch], waits: tuple[str, str] | None) -> dict[str, Any]:
        """Return the row: `in_hand` oldest first, `waits` the word and the reason of what is waited for."""
        oldest = datetime.fromtimestamp(in_hand[0].received_ms / 1000, UTC) if in_hand else None
        feeds = Counter(batch.feed_id for batch in in_hand)
        word, reason = waits or (None, None)
        return {
            "shard": self.shard,
            "since": self._since,
            "oldest_at": oldest,
            "applied_at": self._applied_at,
            "applied_received_at": self._applied_received_at,
            "empty_at": self._empty_at,
            "gone_at": self._gone_at,
            "waits_for": word,
            "waits_reason": reason,
            "feeds": [{"feedId": feed, "batches": count} for feed, count in feeds.most_common(TOP_FEEDS)],
        }
