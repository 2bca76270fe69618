"""Poison: a window that Postgres refuses is done batch by batch, and the batch that it refuses item by item, by halves.

Each half has a savepoint. What applies is applied; an item that is refused when it is alone goes to the dead letters.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime

import asyncpg
from asyncpg import Connection

from schemas import dead_letters, metrics
from schemas.batches import Batch
from schemas.dead_letters import DeadLetter
from schemas.logs import structlog
from schemas.outcomes import Outcome
from workers.apply import blame, changes, transaction
from workers.apply.claim import claim, write_receipts
from workers.apply.purse import Purse
from workers.apply.results import BatchResult
from workers.apply.work import Work

_log = structlog.get_logger()


async def apply_split(connection: Connection, batch: Batch, now: datetime) -> tuple[BatchResult, list[Purse]]:
    """Apply a batch that failed as a whole: all of its items but those that are poison; commit."""
    letters: list[DeadLetter] = []
    purses: list[Purse] = []
    async with transaction.whole(connection):
        (work,) = await claim(connection, [batch])
        if work is None:
            return BatchResult(batch, claimed=False), []
        # A half may find what the one before it has deferred or buried, which the claim could not know.
        work.feed = replace(work.feed, has_deferred=True, has_dead=True)
        slots = list(range(len(batch.items)))
        middle = max(len(slots) // 2, 1)
        for half in (slots[:middle], slots[middle:]):
            if half:
                purses += await _apply(connection, work, half, now, letters)
        await write_receipts(connection, [work], now)
        await changes.write(connection, [work], purses, now)
    _tell(letters)
    return transaction.result_of(batch, work), purses


async def bury_items(connection: Connection, batch: Batch, cause: tuple[str, str], now: datetime) -> None:
    """End all items of a batch as dead, each replayable alone, and commit; not if seen. `cause`: code, reason."""
    async with transaction.whole(connection):
        (work,) = await claim(connection, [batch])
        if work is None or not work.feed.exists:
            return
        letters = [_bury(work, slot, cause) for slot in range(len(batch.items))]
        await dead_letters.store(connection, letters, now)
        await write_receipts(connection, [work], now)
    _tell(letters)
    metrics.OUTCOMES.labels(Outcome.DEAD.value).inc(len(letters))


async def bury(connection: Connection, batch: Batch, error: Exception, now: datetime) -> BatchResult:
    """Put a batch whose own head fails (its ids, its time) into the dead letters as it is; commit."""
    letter = dead_letters.unreadable(batch.encode(), _code(error), f"{type(error).__name__}: {error}")
    async with transaction.whole(connection):
        await dead_letters.store(connection, [letter], now)
    metrics.DEAD_LETTERS.labels(letter.code).inc()
    _log.error("batch_dead", batch_id=str(batch.batch_id), feed_id=batch.feed_id, reason=letter.reason)
    return BatchResult(batch, claimed=True, counts={Outcome.DEAD.value: len(batch.items)})


async def _apply(
    connection: Connection, work: Work, slots: Sequence[int], now: datetime, letters: list[DeadLetter]
) -> list[Purse]:
    """Apply some items of a batch, halving them as long as they fail."""
    batch = work.batch
    piece = Work(replace(batch, items=[batch.items[slot] for slot in slots], indexes=None), work.feed, work.day)
    piece.place, piece.told = work.place, work.told
    try:
        async with _savepoint(connection):
            purses = await transaction.apply_works(connection, [piece], now, lock_usage=True)
    except Exception as error:
        if not blame.is_of_the_data(error, connection, [piece.batch]):
            raise
        if len(slots) > 1:
            middle = len(slots) // 2
            first = await _apply(connection, work, slots[:middle], now, letters)
            return first + await _apply(connection, work, slots[middle:], now, letters)
        letters.append(_bury(work, slots[0], (_code(error), f"{type(error).__name__}: {error}")))
        await dead_letters.store(connection, letters[-1:], now)  # before what comes after it
        return []
    if work.feed.exists:
        for place, slot in enumerate(slots):
            work.outcomes[slot] = piece.outcomes[place]
            if place in piece.notes:
                work.notes[slot] = piece.notes[place]
        for entry in piece.changed:
            entry.work, entry.slot = work, slots[entry.slot]
        work.changed += piece.changed
    return purses


def _tell(letters: Sequence[DeadLetter]) -> None:
    for letter in letters:
        metrics.DEAD_LETTERS.labels(letter.code).inc()
        _log.error(
            "item_dead",
            batch_id=str(letter.batch_id),
            feed_id=letter.feed_id,
            account_id=letter.account_id,
            external_id=letter.external_id,
            code=letter.code,
            reason=letter.reason,
        )


def _bury(work: Work, slot: int, cause: tuple[str, str]) -> DeadLetter:
    """End an item as dead and return its dead letter, whose payload is a batch of just this item."""
    batch = work.batch
    code, reason = cause
    work.outcomes[slot] = Outcome.DEAD
    work.notes[slot] = {"code": code, "message": "could not be applied; it is kept and can be replayed"}
    return dead_letters.of_item(batch, slot, code, reason)


def _code(error: Exception) -> str:
    return f"postgres.{error.sqlstate}" if isinstance(error, asyncpg.PostgresError) else "invalid"


@asynccontextmanager
async def _savepoint(connection: Connection) -> AsyncIterator[None]:
    await connection.execute("SAVEPOINT piece")
    try:
        yield
    except Exception:
        if not connection.is_closed():
            await connection.execute("ROLLBACK TO SAVEPOINT piece")
        raise
    await connection.execute("RELEASE SAVEPOINT piece")
