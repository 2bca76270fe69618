"""Where the time from post to commit goes, by what receipts keep of each batch.

received → delivered (edge, RabbitMQ) → its window closed (waits for more, or for its turn) → committed (Postgres)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from schemas.settings import Settings

_AGE = timedelta(milliseconds=Settings.model_fields["window_max_age_ms"].default)
_SLOWEST = 0.05
_STAMPS = """
SELECT xmin::text AS window, received_at, delivered_at, applied_at, pg_xact_commit_timestamp(xmin) AS committed_at
FROM receipts WHERE received_at >= $1 AND delivered_at IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Stamps:
    """When one batch got where, and the window (a transaction) that it was committed with."""

    window: str
    received_at: datetime
    delivered_at: datetime
    applied_at: datetime
    committed_at: datetime


@dataclass(frozen=True, slots=True)
class Stages:
    """Mean milliseconds of a batch: until it was delivered, waiting for more, waiting for its turn, in Postgres.

    What a batch waits beyond the age at which its window is due is told as the wait for its turn: for the window
    before it, or for those of the worker's other shards.
    """

    arriving: float
    filling: float
    turn: float
    committing: float


async def stamps(connection: asyncpg.Connection, since: datetime) -> list[Stamps]:
    """Return the batches that were received since then."""
    return [Stamps(*row) for row in await connection.fetch(_STAMPS, since)]


def all_and_slowest(batches: Sequence[Stamps], age: timedelta = _AGE) -> tuple[Stages, Stages]:
    """Return the stages of all batches (at least one), and of the slowest twentieth of them."""
    opened: dict[str, datetime] = {}
    for batch in batches:
        opened[batch.window] = min(batch.delivered_at, opened.get(batch.window, batch.delivered_at))
    ordered = sorted(batches, key=lambda batch: batch.committed_at - batch.received_at)
    slowest = ordered[-max(1, round(len(ordered) * _SLOWEST)) :]
    return _stages(ordered, opened, age), _stages(slowest, opened, age)


def _stages(batches: Sequence[Stamps], opened: dict[str, datetime], age: timedelta) -> Stages:
    parts = [_of(batch, batch.applied_at - opened[batch.window] - age) for batch in batches]
    return Stages(*(sum(part, timedelta()) / timedelta(milliseconds=len(part)) for part in zip(*parts, strict=True)))


def _of(batch: Stamps, overdue: timedelta) -> tuple[timedelta, timedelta, timedelta, timedelta]:
    """Return the stages of one batch, whose window was closed so long after it was due."""
    waited = batch.applied_at - batch.delivered_at
    turn = min(max(timedelta(), overdue), waited)
    return batch.delivered_at - batch.received_at, waited - turn, turn, batch.committed_at - batch.applied_at
