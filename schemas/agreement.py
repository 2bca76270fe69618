"""What all processes of a fleet must agree on is kept in Postgres: the number of shards, and a doubling under way.

`SHARDS` is the number that a fleet begins with. It may have been doubled since; a process with any other number would
give feeds other slots, and lose their order in silence: it does not start.
"""

from __future__ import annotations

import asyncpg

from schemas import queries
from schemas.division import Division
from schemas.errors import Permanent
from schemas.postgres import AWAY, TROUBLE, Session, refuse_shared_sessions
from schemas.settings import Settings

AGREEMENT = queries.load("agreement")


async def agree(settings: Settings) -> Settings:
    """Return the settings with the fleet's number of shards; as they are while Postgres is away.

    Half of it while that is being doubled: a slot that is used for the first time leads to the parent then.

    Raises `Permanent` if this process may not join the fleet.
    """
    await refuse_shared_sessions(settings.dsn)
    try:
        connection = await Session("feedline-agreement").open(settings.dsn)
    except TROUBLE:
        return settings
    try:
        shards = int(await _agreed(connection, "shards", str(settings.shards)))
        divided = await division(connection)
    except (asyncpg.UndefinedTableError, *AWAY):
        return settings  # not migrated yet, or on its way: whoever needs more says so
    finally:
        connection.terminate()
    if not is_doubled(settings.shards, shards):
        raise Permanent(
            f"SHARDS is {settings.shards} here, and {shards} in the fleet of this database: set it to {shards}, or"
            " change the fleet's with `feedline shards` (docs/fleet.md)"
        )
    doubling = divided is not None and divided.closed
    return settings.model_copy(update={"shards": shards // 2 if doubling else shards})


async def _agreed(connection: asyncpg.Connection, name: str, value: str) -> str:
    """Return what is agreed on, `value` if we are the first.

    Whoever comes at the same moment as the first waits for it, and sees neither its own row nor, in a snapshot from
    before, the other's: it asks once more.
    """
    agreed: str | None = None
    while agreed is None:
        agreed = await AGREEMENT.agree(connection, name=name, value=value)
    return agreed


def is_doubled(shards: int, agreed: int) -> bool:
    """Return whether a fleet that began with `shards` has `agreed` now: doubled however often, or not at all."""
    times, left_over = divmod(agreed, shards)
    return left_over == 0 and times.bit_count() == 1


async def division(connection: asyncpg.Connection) -> Division | None:
    """Return how feeds are divided among shards now; None before any process of the fleet has started."""
    row = await AGREEMENT.division(connection)
    return None if row is None else Division(row["shards"], frozenset(row["closed"]))


async def known_division(settings: Settings) -> Division | None:
    """Return how feeds are divided, over a connection of its own; None while Postgres does not tell."""
    try:
        connection = await Session("feedline-agreement").open(settings.dsn)
        try:
            return await division(connection)
        finally:
            connection.terminate()
    except TROUBLE:
        return None
