"""What commands that need just Postgres share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg
import click

T = TypeVar("T")

database_option = click.option(
    "--database-url", envvar="DATABASE_URL", required=True, help="Postgres.  [default: DATABASE_URL]"
)


def run_on(database_url: str, work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
    """Do some work on a connection of its own; a database that cannot be reached is one clear line."""

    async def connected() -> T:
        connection = await asyncpg.connect(database_url, timeout=10)
        try:
            return await work(connection)
        finally:
            await connection.close()

    try:
        return asyncio.run(connected())
    except (OSError, TimeoutError, asyncpg.CannotConnectNowError) as error:
        raise click.ClickException(f"Postgres cannot be reached: {error}") from None
