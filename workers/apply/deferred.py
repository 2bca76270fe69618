"""Items that wait for room under the daily SKU limit: one a feed variant, later fields merged over earlier ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import orjson
from asyncpg import Connection

from schemas.batches import Operation
from schemas.outcomes import Outcome
from workers.apply.rows import keys_of
from workers.apply.statements import ROAD
from workers.apply.work import Entry

_LIMIT_CODE = "limit.daily_sku"


async def join(connection: Connection, entries: Sequence[Entry]) -> None:
    """Put what is deferred for the entries' feed variants under what the window brings for them."""
    asked = [entry for entry in entries if entry.work.feed.has_deferred]
    if not asked:
        return
    for row in await connection.fetch(ROAD.deferred_of.sql, *keys_of(asked)):
        entry = asked[row["n"] - 1]
        entry.was_deferred = True
        entry.item = orjson.loads(row["item"]) | entry.item


def drop_released(entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries of a release without those for which nothing waits any more: a later item took it along."""
    kept = []
    for entry in entries:
        if entry.was_deferred:
            kept.append(entry)
        else:
            entry.end(Outcome.SUPERSEDED)
    return kept


async def keep(connection: Connection, entries: Sequence[Entry], now: datetime) -> None:
    """Keep what is over the limit, in arrival order, at the end of the line unless it has a place in it already."""
    waiting = []
    for entry in entries:
        if entry.work.batch.operation is Operation.RELEASE:
            entry.end(Outcome.DEFERRED)
        elif entry.work.feed.rejects_over_limit:
            entry.end(Outcome.REJECTED, {"code": _LIMIT_CODE, "message": "over the daily SKU limit of the account"})
        else:
            entry.end(Outcome.DEFERRED)
            waiting.append(entry)
    if waiting:
        await connection.execute(
            ROAD.keep_deferred.sql,
            now,
            *keys_of(waiting),
            [orjson.dumps(entry.item).decode() for entry in waiting],
            [entry.work.batch.batch_id for entry in waiting],
        )


async def forget(connection: Connection, entries: Sequence[Entry]) -> None:
    """Delete what was deferred for entries that are applied, or turned out to change nothing."""
    if entries:
        await connection.execute(ROAD.forget_deferred.sql, *keys_of(entries))
