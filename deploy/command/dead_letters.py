"""`feedline dead-letters`: list, show, replay and discard what could not be applied.

`list`, `show` and `discard` need just `DATABASE_URL`; `replay` publishes, so it needs the settings of a role.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import asyncpg
import click
import orjson

from deploy.command.database import database_option, run_on
from ingest.amqp.publish import Publisher
from schemas import dead_letters as store
from schemas import logs
from schemas.batches import decode
from schemas.dead_letters import DeadLetter, Filter
from schemas.errors import Permanent, Transient
from schemas.settings import load, process_name

_STATUSES = click.Choice(["dead", "replayed", "discarded"])


@click.group("dead-letters")
def dead_letters() -> None:
    """List, show, replay and discard what could not be applied."""


def _filtered(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which dead letters are meant; the command gets them as keywords of `Filter`."""
    for option in (
        click.argument("ids", nargs=-1, type=click.IntRange(1)),
        click.option("--account", "account_id", type=click.IntRange(1), help="Only of this account."),
        click.option("--feed", "feed_id", type=click.IntRange(1), help="Only of this feed."),
        click.option("--code", help="Only with this code, such as postgres.22003."),
    ):
        command = option(command)
    return command


def _filter(*, ids: tuple[int, ...], **rest: Any) -> Filter:
    return Filter(ids=ids or None, **rest)


@dead_letters.command("list")
@_filtered
@click.option("--status", type=_STATUSES, default="dead", show_default=True)
@click.option("--after", type=click.IntRange(0), default=0, help="Continue after this id.")
@click.option("--limit", type=click.IntRange(1, store.MAX_FOUND), default=100, show_default=True)
@database_option
def list_letters(database_url: str, **filters: Any) -> None:
    """List them, a line each: id, when, account, feed, external id, code, reason."""
    for letter in run_on(database_url, lambda connection: store.find(connection, _filter(**filters))):
        when = f"{letter.dead_at:%Y-%m-%d %H:%M:%S}"
        fields = (letter.id, when, letter.account_id, letter.feed_id, letter.external_id, letter.code, letter.reason)
        click.echo("\t".join("-" if field is None else str(field).replace("\n", " ") for field in fields))


@dead_letters.command("show")
@click.argument("letter_id", type=click.IntRange(1))
@database_option
def show(database_url: str, letter_id: int) -> None:
    """Show one as JSON, its payload included."""
    found = run_on(database_url, lambda connection: store.find(connection, Filter(None, ids=[letter_id])))
    if not found:
        raise click.ClickException(f"there is no dead letter {letter_id}")
    click.echo(orjson.dumps(_as_json(found[0]), option=orjson.OPT_INDENT_2, default=str).decode())


@dead_letters.command("replay")
@_filtered
@click.option("--all", "everything", is_flag=True, help="Without ids or a filter: all of them.")
def replay(*, everything: bool, **filters: Any) -> None:
    """Publish them again as fresh batches, oldest first, up to 1,000 at once."""
    _refuse_all(filters, everything=everything)
    settings = load()
    logs.configure("dead-letters", settings.log_level)

    async def work(connection: asyncpg.Connection) -> tuple[list[int], list[int]]:
        async with Publisher(settings, process_name("dead-letters")) as publisher:
            now = datetime.now(UTC)
            return await store.replay(connection, _filter(**filters), publisher.publish, now=now, key=settings.key)

    try:
        replayed, unreadable = run_on(settings.dsn, work)
    except Transient as error:
        raise click.ClickException(f"stopped: {error}; what is replayed is marked, do it again") from None
    click.echo(f"replayed {len(replayed)}")
    if unreadable:
        raise click.ClickException(f"cannot be read, so not replayed: {', '.join(map(str, unreadable))}")


@dead_letters.command("discard")
@_filtered
@click.option("--all", "everything", is_flag=True, help="Without ids or a filter: all of them.")
@database_option
def discard(database_url: str, *, everything: bool, **filters: Any) -> None:
    """Mark them as discarded, up to 1,000 at once; they stay listed under that status."""
    _refuse_all(filters, everything=everything)
    wanted = _filter(**filters)
    done = run_on(database_url, lambda connection: store.discard(connection, wanted, now=datetime.now(UTC)))
    click.echo(f"discarded {len(done)}")


def _refuse_all(filters: dict[str, Any], *, everything: bool) -> None:
    if not everything and not any(filters.values()):
        raise click.UsageError("which ones? Name ids, an account, a feed or a code, or say --all.")


def _as_json(letter: DeadLetter) -> dict[str, Any]:
    try:
        batch = decode(letter.payload)
    except Permanent:
        payload: Any = letter.payload.decode(errors="replace")
    else:
        payload = {"operation": batch.operation, "source": batch.source, "items": list(batch.items)}
    return {
        "id": letter.id,
        "status": letter.status,
        "code": letter.code,
        "reason": letter.reason,
        "accountId": letter.account_id,
        "feedId": letter.feed_id,
        "batchId": letter.batch_id,
        "externalId": letter.external_id,
        "receivedAt": letter.received_at,
        "deadAt": letter.dead_at,
        "settledAt": letter.settled_at,
        "payload": payload,
    }
