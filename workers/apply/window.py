"""The road's last stretch: one window, one transaction; or, when something in it is poison, as few as isolate it."""

from __future__ import annotations

from collections.abc import Sequence

from asyncpg import Connection

from schemas.batches import Batch
from workers.apply import transaction
from workers.apply.results import Context, WindowResult
from workers.apply.transients import transient


async def apply_window(connection: Connection, batches: Sequence[Batch], context: Context) -> WindowResult:
    """Apply the batches of one operation, in their order, and commit; harmless when they were applied before.

    The connection must hold the shard's advisory lock and no transaction. Raises `Transient` when Postgres is
    away or in the way (nothing is committed, or all of it: do the same window again); a cancelled call leaves no
    transaction behind.
    """
    now = context.clock()
    with transient(connection):
        async with transaction.whole(connection):
            results = await transaction.settle(connection, batches, now)
    return WindowResult(results, now)
