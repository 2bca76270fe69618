"""The road's last stretch: one window, one transaction; or, when something in it is poison, as few as isolate it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from asyncpg import Connection

from schemas.batches import Batch
from schemas.logs import structlog
from workers.apply import alerts, blame, glimpse, transaction
from workers.apply.isolate import apply_split, bury
from workers.apply.known import Known
from workers.apply.purse import Purse
from workers.apply.results import BatchResult, WindowResult

_log = structlog.get_logger()


async def apply_window(connection: Connection, batches: Sequence[Batch], now: datetime, known: Known) -> WindowResult:
    """Apply the batches of one operation, in their order, and commit; harmless when they were applied before.

    The connection must hold the shard's advisory lock and no transaction; rows and receipts carry the time `now`
    (aware), `known` is what this connection knows. Raises `Transient` for whatever is not the data's fault (nothing is
    committed, or some of it, or all: do the same window again); a cancelled call leaves no transaction behind.
    """
    split = False
    with blame.kept():
        try:
            results, purses = await _commit(connection, batches, now, known)
        except Exception as error:
            if not blame.is_of_the_data(error, connection, batches):
                raise
            _log.warning("window_split", batches=len(batches), error=f"{type(error).__name__}: {error}")
            split = True
            results, purses = await _one_by_one(connection, batches, now, known)
    alerts.raise_alerts(purses)
    return WindowResult(results, split)


async def _commit(
    connection: Connection, batches: Sequence[Batch], now: datetime, known: Known
) -> tuple[list[BatchResult], list[Purse]]:
    try:
        with known.during(now):
            if (seen := await glimpse.at(connection, batches, known)) is not None:
                results, purses = await transaction.settle_seen(connection, batches, seen, now, known)
                seen.teach(known, purses)
                return results, purses
            known.forget(batches)
            async with transaction.whole(connection):
                return await transaction.settle(connection, batches, now, careful=False)
    except Exception as error:
        if not isinstance(error, blame.Stale) and not blame.was_seen(error):
            raise
    async with transaction.whole(connection):
        return await transaction.settle(connection, batches, now, careful=True)


async def _one_by_one(
    connection: Connection, batches: Sequence[Batch], now: datetime, known: Known
) -> tuple[list[BatchResult], list[Purse]]:
    results: list[BatchResult] = []
    purses: list[Purse] = []
    for batch in batches:
        result, charged = await _alone(connection, batch, now, known)
        results.append(result)
        purses += charged
    return results, purses


async def _alone(connection: Connection, batch: Batch, now: datetime, known: Known) -> tuple[BatchResult, list[Purse]]:
    try:
        (result,), charged = await _commit(connection, [batch], now, known)
    except Exception as error:
        if not blame.is_of_the_data(error, connection, [batch]):
            raise
    else:
        return result, charged
    try:
        return await apply_split(connection, batch, now)
    except Exception as error:
        if not blame.is_of_the_data(error, connection, [batch]):
            raise
        return await bury(connection, batch, error, now), []
