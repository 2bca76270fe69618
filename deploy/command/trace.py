"""`feedline trace BATCH`: the way of one batch, step by step."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import click

from deploy.command.database import run_on
from deploy.local.processes import CHECKOUT
from ingest.api.shared.traces import TRACES, Logged, steps, steps_of_waiting
from ingest.api.shared.waiting import WAITING, waiting_of
from schemas.settings import Settings, load

_LOCAL_LOGS = CHECKOUT / ".local" / "logs"


@click.command()
@click.argument("batch", type=click.UUID)
@click.option(
    "--logs",
    multiple=True,
    type=click.Path(exists=True, allow_dash=True),
    help="Logs of edges and workers (debug): files, folders of them, or - for standard input.  "
    "[default: those of the local stack]",
)
def trace(batch: uuid.UUID, logs: Sequence[str]) -> None:
    """Show when and where BATCH was on its way; what nobody keeps is not known.

    Needs DATABASE_URL, AMQP_URL, SECRET_KEY and SHARDS, as every role.
    """
    settings = load()

    async def look(connection: asyncpg.Connection) -> tuple[str, list[dict[str, Any]]] | None:
        if (row := await _receipt(connection, batch)) is not None:
            return f"batch {batch} of feed {row['feed_id']}", steps(row, _logged(batch, logs))
        return await _waiting(connection, batch, settings)

    found = run_on(settings.dsn, look)
    if found is None:
        raise click.ClickException(
            f"no receipt of {batch}, and no feed it was made for; receipts are kept RECEIPT_DAYS"
        )
    title, known = found
    click.echo(title)
    for line in _lines(known):
        click.echo(f"  {line}")


async def _receipt(connection: asyncpg.Connection, batch_id: uuid.UUID) -> Mapping[str, Any] | None:
    account_id = await TRACES.trace_account(connection, batch_id=batch_id)
    if account_id is None:
        return None
    row: Mapping[str, Any] | None = await TRACES.trace_get(
        connection, account_id=account_id, batch_id=batch_id, feeds=None
    )
    return row


async def _waiting(
    connection: asyncpg.Connection, batch_id: uuid.UUID, settings: Settings
) -> tuple[str, list[dict[str, Any]]] | None:
    now_ms = time.time_ns() // 1_000_000
    for account in [row["id"] async for row in WAITING.waiting_accounts(connection)]:
        wanted = {"account_id": account, "feeds": None, "shards": settings.shards}
        feeds = [row async for row in WAITING.waiting_feeds(connection, **wanted)]
        if (waiting := waiting_of(batch_id, feeds, settings, now_ms)) is not None:
            title = f"batch {batch_id} of feed {waiting.state['id']}, {waiting.status}: no receipt yet"
            return title, steps_of_waiting(waiting)
    return None


def _logged(batch_id: uuid.UUID, places: Sequence[str]) -> Logged:
    logged = Logged()
    for place in places or ([str(_LOCAL_LOGS)] if _LOCAL_LOGS.is_dir() else []):
        if place == "-":
            logged.read(sys.stdin.buffer, batch_id)
        for path in _files(Path(place)) if place != "-" else ():
            with path.open("rb") as lines:
                logged.read(lines, batch_id)
    return logged


def _files(place: Path) -> Iterator[Path]:
    if not place.is_dir():
        return iter((place,))
    return (path for path in sorted(place.glob("*.log*")) if path.is_file())


def _lines(known: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    began: datetime | None = known[0]["at"]
    for step in known:
        at = step["at"]
        when = "not known" if at is None else f"{at:%Y-%m-%d %H:%M:%S.%f}"
        after = "" if at is None or began is None else f"+{(at - began).total_seconds():.3f} s"
        where = ", ".join(filter(None, (step["process"], step["note"])))
        yield f"{step['step']:<10} {when:<27} {after:>10}  {where}".rstrip()
