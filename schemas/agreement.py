"""What all processes of a fleet must agree on is kept in Postgres; one that disagrees does not start.

With another number of shards an edge would send a feed's batches to another queue than before: order would be lost, in
silence.
"""

from __future__ import annotations

import asyncpg

from schemas import queries
from schemas.errors import Permanent
from schemas.postgres import Session, refuse_shared_sessions
from schemas.settings import Settings

_SQL = queries.load("agreement")


async def agree(settings: Settings) -> None:
    """Raise `Permanent` if this process may not join the fleet; return at once while Postgres is away."""
    await refuse_shared_sessions(settings.dsn)
    try:
        connection = await Session("feedline-agreement").open(settings.dsn)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
        return
    try:
        shards = await _SQL.agree(connection, name="shards", value=str(settings.shards))
    except (asyncpg.UndefinedTableError, asyncpg.ReadOnlySQLTransactionError, OSError, TimeoutError):
        return  # not migrated yet, or on its way: whoever needs more says so
    finally:
        connection.terminate()
    if shards != str(settings.shards):
        raise Permanent(
            f"SHARDS is {settings.shards} here, and {shards} in the fleet of this database: set it to {shards}, or"
            " change the fleet's with `feedline shards` (docs/fleet.md)"
        )
