"""The outbox: batches that follow from a change are written in its transaction, and published after its commit.

Whoever changed something drains its account's part at once; a duty of the workers drains what was left because the
broker was away or the process died. At least once: a batch keeps its id, so the road applies it once. In order: one
account is drained by one session at a time, oldest first, and a feed whose batch is not taken waits with the rest.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from asyncpg import Connection

from schemas import queries
from schemas.batches import Batch, decode
from schemas.errors import Transient

Publish = Callable[[Batch], Awaitable[None]]
"""Returns when the broker has confirmed the batch; raises `Transient`."""
MOST_AT_ONCE = 1_000
"""Batches that one call of `drain` publishes."""
_LOCK_TIMEOUT = "SET LOCAL lock_timeout = '2s'"
_SQL = queries.load("outbox")


async def put(connection: Connection, batches: Sequence[Batch]) -> None:
    """Write batches in the caller's transaction, to be published in this order once it has committed."""
    await connection.execute(
        _SQL.put.sql,
        [batch.account_id for batch in batches],
        [batch.feed_id for batch in batches],
        [batch.encode() for batch in batches],
    )


async def waiting(connection: Connection) -> list[int]:
    """Return the ids of the accounts that have something in the outbox."""
    return [row["account_id"] for row in await connection.fetch(_SQL.waiting.sql)]


async def drain(connection: Connection, account_id: int, publish: Publish) -> bool:
    """Publish an account's oldest batches and remove those that were confirmed; return whether all of them were.

    Raises `asyncpg.LockNotAvailableError` when another session is at it for long.
    """
    async with connection.transaction():
        await connection.execute(_LOCK_TIMEOUT)
        rows = await connection.fetch(_SQL.hold.sql, account_id, MOST_AT_ONCE)
        by_feed: dict[int, list[Any]] = defaultdict(list)
        for row in rows:
            by_feed[row["feed_id"]].append(row)
        done = await asyncio.gather(*(_in_order(of_feed, publish) for of_feed in by_feed.values()))
        ids = [id_ for of_feed in done for id_ in of_feed]
        if ids:
            await connection.execute(_SQL.remove.sql, account_id, ids)
    return len(ids) == len(rows)


async def _in_order(rows: Sequence[Any], publish: Publish) -> list[int]:
    """Publish one feed's batches until one is not taken; return the ids of the rows before it."""
    done: list[int] = []
    for row in rows:
        try:
            await publish(decode(row["payload"]))
        except Transient:
            break
        done.append(row["id"])
    return done
