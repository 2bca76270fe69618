"""`feedline trace BATCH`: the way of one batch, step by step."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import asyncpg
import click

from deploy.command.database import database_option, run_on
from ingest.api.shared.traces import TRACES, steps


@click.command()
@click.argument("batch", type=click.UUID)
@click.option(
    "--shards", envvar="SHARDS", type=click.IntRange(1), default=8, show_default=True, help="As the fleet's SHARDS."
)
@database_option
def trace(batch: uuid.UUID, database_url: str, *, shards: int) -> None:
    """Show when and where BATCH was on its way; what nobody keeps is not known."""

    async def read(connection: asyncpg.Connection) -> Mapping[str, Any] | None:
        account_id = await TRACES.trace_account(connection, batch_id=batch)
        wanted = {"account_id": account_id, "batch_id": batch, "feeds": None, "shards": shards}
        return await TRACES.trace_get(connection, **wanted) if account_id is not None else None

    row = run_on(database_url, read)
    if row is None:
        raise click.ClickException(f"no receipt of {batch}: it waits in its queue, or is older than RECEIPT_DAYS")
    click.echo(f"batch {batch} of feed {row['feed_id']}")
    began = row["received_at"]
    for step in steps(row):
        at = step["at"]
        when = "not known" if at is None else f"{at:%Y-%m-%d %H:%M:%S.%f}"
        after = "" if at is None else f"+{(at - began).total_seconds():.3f} s"
        where = ", ".join(filter(None, (step["process"], step.get("note"))))
        click.echo(f"  {step['step']:<10} {when:<27} {after:>10}  {where or 'not known'}")
