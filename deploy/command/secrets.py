"""`feedline secrets rotate`: encrypt everything that is stored with the newest SECRET_KEY."""

from __future__ import annotations

import asyncpg
import click

from deploy.command.database import database_option, run_on
from deploy.command.given import given
from schemas.secrets import Vault, WrongKey
from schemas.settings import Settings

_TABLES = ("inventory_feeds", "endpoints")
"""Where a column `secrets` holds what a vault has encrypted."""
_ROWS = 500


@click.group()
def secrets() -> None:
    """Stored credentials and the key that they are encrypted with."""


@secrets.command()
@database_option
def rotate(database_url: str) -> None:
    """Re-encrypt stored credentials with the first key of SECRET_KEY; the others are needed to read them.

    Set SECRET_KEY to "new,old" for every process, run this, and drop the old one a day later: until then answers that
    are kept for retried requests, and the ids of batches that were accepted, are of the old one.
    """
    keys = _keys()

    async def work(connection: asyncpg.Connection) -> dict[str, int]:
        vault = Vault(*keys)
        return {table: await _rotate(connection, table, vault) for table in _TABLES}

    try:
        for table, count in run_on(database_url, work).items():
            click.echo(f"{table}: {count} re-encrypted")
    except WrongKey as error:
        raise click.ClickException(str(error)) from None


def _keys() -> tuple[bytes, ...]:
    key = given("SECRET_KEY")
    if not key:
        raise click.UsageError("SECRET_KEY is missing: set it to the new key and the old one, separated by a comma.")
    return Settings.keys_of(key)


async def _rotate(connection: asyncpg.Connection, table: str, vault: Vault) -> int:
    """Walk a table by id in small transactions; a row that is changed meanwhile is locked for a moment only."""
    after, done = 0, 0
    while True:
        async with connection.transaction():
            wanted = "WHERE id > $1 AND secrets IS NOT NULL ORDER BY id LIMIT $2 FOR UPDATE"
            rows = await connection.fetch(f"SELECT id, secrets FROM {table} {wanted}", after, _ROWS)  # noqa: S608 - ours
            old = [row for row in rows if not vault.is_of_first(row["secrets"])]
            await connection.executemany(
                f"UPDATE {table} SET secrets = $2 WHERE id = $1",  # noqa: S608 - our own names
                [(row["id"], vault.encrypt(vault.decrypt(row["secrets"]))) for row in old],
            )
        done += len(old)
        if len(rows) < _ROWS:
            return done
        after = rows[-1]["id"]
