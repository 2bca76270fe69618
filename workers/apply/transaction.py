"""One transaction of a window: begin, claim, apply, receipt, commit; and roll back whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from asyncpg import Connection

from schemas.batches import Batch, Operation
from workers.apply import at_once, changes, receipts, replays, rows, variants
from workers.apply.claim import claim, write_receipts
from workers.apply.glimpse import Glimpse
from workers.apply.known import Known
from workers.apply.merge import merge
from workers.apply.purse import Purse
from workers.apply.results import BatchResult
from workers.apply.upsert import upsert, write
from workers.apply.work import Work

_END_TIMEOUT_S = 5.0


@asynccontextmanager
async def whole(connection: Connection) -> AsyncIterator[None]:
    """Run a transaction that ends committed or rolled back, or with the connection, even when cancelled within."""
    try:
        await connection.execute("BEGIN")
        yield
        await connection.execute("COMMIT")
    except BaseException:
        await _end(connection, "ROLLBACK")
        raise


@asynccontextmanager
async def alone(connection: Connection) -> AsyncIterator[None]:
    """Run one statement that commits by itself: when cancelled it has ended, committed or not, before that goes on."""
    try:
        yield
    except asyncio.CancelledError:
        await _end(connection, "SELECT")
        raise


async def _end(connection: Connection, statement: str) -> None:
    try:
        await asyncio.wait_for(connection.execute(statement), _END_TIMEOUT_S)
    except asyncio.CancelledError:
        connection.terminate()
        raise
    except Exception:  # noqa: BLE001 - whatever it was, the server rolls back when the connection ends
        connection.terminate()


async def settle(
    connection: Connection, batches: Sequence[Batch], now: datetime, *, careful: bool
) -> tuple[list[BatchResult], list[Purse]]:
    """Claim, apply and receipt the batches of one operation; the caller commits.

    Hopes that no batch was seen before and that the limit is far, unless `careful`; fails if not, and is done again.
    """
    works = await claim(connection, batches, look=careful)
    claimed = [work for work in works if work is not None]
    purses = await apply_works(connection, claimed, now, lock_usage=careful)
    if claimed:
        await write_receipts(connection, claimed, now)
        await changes.write(connection, claimed, purses, now)
    return [result_of(batch, work) for batch, work in zip(batches, works, strict=True)], purses


async def settle_seen(
    connection: Connection, batches: Sequence[Batch], seen: Glimpse, now: datetime, known: Known
) -> tuple[list[BatchResult], list[Purse]]:
    """Commit a window that was looked at: in one statement, unless more changes than hot attributes."""
    purses: list[Purse] = []
    if seen.compared.changes_nothing:
        async with alone(connection):
            await write_receipts(connection, seen.works, now)
    elif at_once.takes(seen.compared, known):
        async with alone(connection):
            purses = await at_once.write(connection, seen.works, seen.compared, now, known)
    else:
        async with whole(connection):
            purses = await write(connection, seen.compared, now, lock_usage=False)
            await write_receipts(connection, seen.works, now)
            await changes.write(connection, seen.works, purses, now)
    return [result_of(batch, work) for batch, work in zip(batches, seen.works, strict=True)], purses


async def apply_works(connection: Connection, works: Sequence[Work], now: datetime, *, lock_usage: bool) -> list[Purse]:
    """Do what claimed batches of one operation ask for; return the accounts' days that were charged."""
    works = [work for work in works if work.feed.exists]
    valid = await replays.without_overtaken(connection, works)
    purses = await _apply(connection, valid, now, lock_usage=lock_usage) if valid else []
    await replays.overtake(connection, works)
    return purses


async def _apply(connection: Connection, works: Sequence[Work], now: datetime, *, lock_usage: bool) -> list[Purse]:
    operation = works[0].batch.operation
    if operation is Operation.DELETE:
        await rows.delete(connection, merge(works).entries())
        return []
    if operation is Operation.CONNECT:
        await variants.connect_named(connection, works, now)
        return []
    return await upsert(connection, works, now, lock_usage=lock_usage)


def result_of(batch: Batch, work: Work | None) -> BatchResult:
    """Return the result of a batch; None is one that was seen before."""
    if work is None:
        return BatchResult(batch, claimed=False)
    return BatchResult(batch, claimed=True, counts=receipts.counts_of(work), work=work)
