"""Items that wait for room under the daily SKU limit: one a feed variant, later fields merged over earlier ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import orjson
from asyncpg import Connection

from schemas.batches import Operation
from schemas.outcomes import Outcome
from workers.apply.rows import keys_of
from workers.apply.sheet import Sheet
from workers.apply.statements import ROAD
from workers.apply.work import Entry

_LIMIT_CODE = "limit.daily_sku"


async def join(connection: Connection, sheet: Sheet) -> None:
    """Put what is deferred for the feed variants of a window under what it brings for them."""
    places = sheet.where_deferred()
    if not places:
        return
    for row in await connection.fetch(ROAD.deferred_of.sql, *sheet.part(places).keys()):
        sheet.put_under(places[row["n"] - 1], orjson.loads(row["item"]))


def drop_released(sheet: Sheet) -> Sheet:
    """Return a release without the lines for which nothing waits any more: a later item took it along."""
    kept = []
    for place, entry in enumerate(sheet.entries()):
        if entry.was_deferred:
            kept.append(place)
        else:
            entry.end(Outcome.SUPERSEDED)
    return sheet.part(kept)


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


async def forget(connection: Connection, done: Sheet) -> None:
    """Delete what was deferred for lines that are applied, or turned out to change nothing."""
    if len(done):
        await connection.execute(ROAD.forget_deferred.sql, *done.keys())
