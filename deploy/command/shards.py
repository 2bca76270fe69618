"""`feedline shards`: how many shards the fleet of a database has agreed on, and changing that while nothing runs."""

from __future__ import annotations

import asyncpg
import click

from deploy.command.database import database_option, run_on
from schemas import queries

_SQL = queries.load("agreement")
_MOST = 256


@click.command()
@database_option
@click.option("--set", "number", type=click.IntRange(1, _MOST), help="Change it; nothing may run meanwhile.")
def shards(database_url: str, number: int | None) -> None:
    """Show or change the number of shards that all processes must agree on.

    A feed maps to a shard by this number. Before it is changed the queues must be empty, and nothing may run: a batch
    that waits in a shard that is no more would never be applied.
    """

    async def work(connection: asyncpg.Connection) -> str | None:
        if number is not None:
            live = await _SQL.live_workers(connection)
            if live:
                raise click.ClickException(f"{live} workers are alive: stop every process of the fleet first")
            await _SQL.change(connection, name="shards", value=str(number))
        agreed: str | None = await connection.fetchval("SELECT value FROM fleet_agreement WHERE name = 'shards'")
        return agreed

    click.echo(run_on(database_url, work) or "not agreed on yet: the first process to start says")
