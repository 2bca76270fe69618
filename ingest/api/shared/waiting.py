"""A batch that no table knows yet: its id proves that we made it, its shard's owner says how the queue stands."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from schemas import queries
from schemas.batches import is_ours, made_at_ms
from schemas.settings import Settings

WAITING = queries.load("waiting", beside=__file__)
_DAY_MS = 86_400_000
_CLOCK_SKEW_MS = 60_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """A batch without a receipt: `state` is the row of its feed and of its shard (`waiting_feeds`).

    `received_at` is None for one with an Idempotency-Key: nobody knows it. `is_lost`: its queue has nothing left of
    that time.
    """

    state: Mapping[str, Any]
    received_at: datetime | None
    is_lost: bool

    @property
    def status(self) -> str:
        """Return what a receipt calls it."""
        return "lost?" if self.is_lost else "pending"


def waiting_of(
    batch_id: uuid.UUID, feeds: Iterable[Mapping[str, Any]], settings: Settings, now_ms: int
) -> Waiting | None:
    """Return what is known of a batch of one of these feeds; None for an id that was not made for them, or long ago."""
    made_ms = made_at_ms(batch_id)
    oldest_ms = now_ms - settings.receipt_days * _DAY_MS
    if made_ms is not None and not oldest_ms < made_ms < now_ms + _CLOCK_SKEW_MS:
        return None
    for row in feeds:
        if is_ours(batch_id, row["id"], settings.keys):
            at = None if made_ms is None else datetime.fromtimestamp(made_ms / 1000, UTC)
            return Waiting(row, at, is_lost=_has_passed(row["passed_at"], made_ms))
    return None


def _has_passed(passed_at: datetime | None, made_ms: int | None) -> bool:
    """Return whether a queue in which everything before `passed_at` is done cannot hold a batch of that time any more.

    Clocks of edges and workers may differ. When a batch with an Idempotency-Key was made nobody knows.
    """
    return passed_at is not None and made_ms is not None and made_ms + _CLOCK_SKEW_MS < passed_at.timestamp() * 1000
