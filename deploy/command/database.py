"""What commands that need just Postgres share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import asyncpg
import click

from deploy.command.given import given
from schemas.postgres import AWAY, Session

T = TypeVar("T")


def _database_url(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str:
    """Take the address from the option, DATABASE_URL, or the file that DATABASE_URL_FILE names."""
    address = value or given("DATABASE_URL")
    if not address:
        raise click.UsageError("Postgres' address is missing: give --database-url, DATABASE_URL or DATABASE_URL_FILE.")
    return address


database_option = click.option(
    "--database-url", callback=_database_url, help="Postgres.  [default: DATABASE_URL, or what DATABASE_URL_FILE holds]"
)


def run_on(database_url: str, work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
    """Do some work on a connection of its own; a database that cannot be reached is one clear line."""

    async def connected() -> T:
        connection = await Session("feedline").open(database_url, timeout=10)
        try:
            return await work(connection)
        finally:
            await connection.close()

    with reaching():
        return asyncio.run(connected())


@contextmanager
def reaching() -> Iterator[None]:
    """Tell in one line that Postgres is away, goes away meanwhile, lets nobody in, or has not been migrated."""
    try:
        yield
    except AWAY as error:
        raise click.ClickException(f"Postgres cannot be reached: {str(error) or 'no answer in time'}") from None
    except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError) as error:
        raise click.ClickException(f"Postgres refuses: {error}") from None
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
        raise click.ClickException(f"the database is not of this release, {error}: run `feedline migrate`") from None
