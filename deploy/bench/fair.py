"""Every measured part, the yardstick's, the road's and the peer's, begins alike: on vacuumed tables, with no autovacuum
and no checkpoint in the midst of it.

What one part leaves (dead rows, pages that are read for the first time) would be paid by the next, and an autovacuum or
a checkpoint that is due would fall upon one side only. Their own cost is in neither side's figures.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import asyncpg

from deploy.local.postgres import Postgres
from deploy.local.processes import Program

_SETTINGS = {
    "autovacuum": "off",
    "checkpoint_timeout": "1d",
    "max_wal_size": "16GB",
    "track_commit_timestamp": "on",  # post to commit is measured by the commit itself, not by the moment before it
}


class MeasuredPostgres(Postgres):
    """The durable server as it is deployed, but that nothing of its own begins while a part is measured."""

    def program(self) -> Program:
        """Return how the server is started."""
        program = super().program()
        options = (part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}"))
        return replace(program, arguments=(*program.arguments, *options))


async def vacuum(connection: asyncpg.Connection) -> None:
    """Vacuum every table; without a checkpoint."""
    await connection.execute("VACUUM")


def vacuum_at(dsn: str) -> None:
    """Do the same over a connection of its own, where no event loop runs."""

    async def once() -> None:
        connection = await asyncpg.connect(dsn)
        try:
            await vacuum(connection)
        finally:
            await connection.close()

    asyncio.run(once())
