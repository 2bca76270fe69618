"""The road's last stretch: one window, one transaction; or, when something in it is poison, as few as isolate it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from asyncpg import Connection

from schemas.batches import Batch
from workers.apply import transaction
from workers.apply.admit import Purse
from workers.apply.results import BatchResult, Context, WindowResult
from workers.apply.transients import transient
from workers.apply.usage import Crowded


async def apply_window(connection: Connection, batches: Sequence[Batch], context: Context) -> WindowResult:
    """Apply the batches of one operation, in their order, and commit; harmless when they were applied before.

    The connection must hold the shard's advisory lock and no transaction. Raises `Transient` when Postgres is
    away or in the way (nothing is committed, or all of it: do the same window again); a cancelled call leaves no
    transaction behind.
    """
    now = context.clock()
    with transient(connection):
        results, _ = await _commit(connection, batches, now)
    return WindowResult(results, now)


async def _commit(
    connection: Connection, batches: Sequence[Batch], now: datetime
) -> tuple[list[BatchResult], list[Purse]]:
    try:
        async with transaction.whole(connection):
            return await transaction.settle(connection, batches, now, lock_usage=False)
    except Crowded:
        async with transaction.whole(connection):
            return await transaction.settle(connection, batches, now, lock_usage=True)
