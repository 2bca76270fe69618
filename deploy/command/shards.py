"""`feedline shards`: how many shards the fleet of a database has, and changing that: by doubling while all runs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg
import click
from aiormq.abc import AbstractConnection
from aiormq.exceptions import ChannelNotFoundEntity

from deploy.command.database import database_option, run_on
from deploy.command.given import given
from schemas.agreement import AGREEMENT, division
from schemas.amqp.tap import AWAY, open_link
from schemas.topology import MOST_SHARDS, SHARDS_EXCHANGE, shard_queue

_POLL_S = 0.5
_HEARTBEAT_S = 10


@click.group(invoke_without_command=True)
@database_option
@click.option("--set", "number", type=click.IntRange(1, MOST_SHARDS), help="Change it; nothing may run meanwhile.")
@click.option("--restored", is_flag=True, help="With --set: the broker has that number, a restored Postgres not.")
@click.pass_context
def shards(context: click.Context, database_url: str, number: int | None, *, restored: bool) -> None:
    """Show the number of shards that all processes agree on, and how far a doubling has come.

    A feed maps to a shard by this number. `double` changes it while everything runs. Before it is set to another one
    the queues must be empty, and nothing may run: a batch that waits would come behind newer ones of its feed, or not
    at all. It takes AMQP_URL: what leads to queues by the old number is undone, unless Postgres was `--restored`.
    """
    context.obj = database_url
    if restored and number is None:
        raise click.UsageError("--restored goes with --set")
    if context.invoked_subcommand is not None:
        return

    async def work(connection: asyncpg.Connection) -> str:
        if number is not None:
            async with connection.transaction():
                await _set(connection, number, restored=restored)
        divided = await division(connection)
        if divided is None:
            return "not agreed on yet: the first process to start says"
        splits = await _splits(connection)
        return "\n".join((str(divided.shards), *([progress(splits)] if splits else [])))

    click.echo(run_on(database_url, work))


@shards.command()
@click.pass_obj
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait until all new shards are consumed.")
def double(database_url: str, *, wait: bool) -> None:
    """Double the number of shards while senders send and workers work.

    The workers carry it through, whatever dies meanwhile; this command begins it and shows how far it has come. Given
    again, it shows the one that is under way. Upgrade everything that publishes first (docs/fleet.md).
    """

    async def work(connection: asyncpg.Connection) -> None:
        async with connection.transaction():
            if not await _splits(connection):
                await begin(connection)
        told = ""
        while wait and (splits := await _splits(connection)):
            told = _tell(progress(splits), told)
            await asyncio.sleep(_POLL_S)
        divided = await division(connection)
        if wait and divided is not None:
            click.echo(f"{divided.shards} shards, all of them consumed")

    try:
        run_on(database_url, work)
    except KeyboardInterrupt:
        click.echo("the workers go on with it; the same command shows how far it has come", err=True)


async def begin(connection: asyncpg.Connection) -> None:
    """Begin a doubling, within a transaction; raises `ClickException` when the fleet cannot take it now."""
    await AGREEMENT.hold(connection)
    if await _splits(connection):
        return
    divided = await division(connection)
    if divided is None:
        raise click.ClickException("no process of the fleet has started yet: start it with SHARDS as you want it")
    if 2 * divided.shards > MOST_SHARDS:
        raise click.ClickException(f"{divided.shards} shards cannot be doubled: {MOST_SHARDS} is the most")
    unfit = [f"{row['host']} (process {row['pid']})" async for row in AGREEMENT.unfit_workers(connection)]
    if unfit:
        raise click.ClickException(f"upgrade these workers first, they cannot double: {', '.join(unfit)}")
    if not await AGREEMENT.live_workers(connection):
        raise click.ClickException("no worker is alive, and workers do it: start one")
    await AGREEMENT.begin_doubling(connection, shards=divided.shards)
    await AGREEMENT.change(connection, name="shards", value=str(2 * divided.shards))
    await AGREEMENT.tell(connection)


def progress(splits: Sequence[Any]) -> str:
    """Return how far a doubling has come, in a line."""
    bound = sum(row["bound_s"] is not None for row in splits)
    marked = sum(row["marked_s"] is not None for row in splits)
    ended = sum(bool(row["ended"]) for row in splits)
    new = len(splits)
    return (
        f"doubling to {2 * new}: {bound} of {new} new queues are filled, END sent to {marked} parents, {ended} consumed"
    )


def _tell(line: str, told: str) -> str:
    if line != told:
        click.echo(line)
    return line


async def _set(connection: asyncpg.Connection, number: int, *, restored: bool) -> None:
    await AGREEMENT.hold(connection)
    live = await AGREEMENT.live_workers(connection)
    if live:
        raise click.ClickException(f"{live} workers are alive: stop every process of the fleet first")
    if await _splits(connection):
        raise click.ClickException("the shards are being doubled: start the workers and let them finish first")
    divided = await division(connection)
    if divided is not None and number != divided.shards and not restored:
        await _forget_slots(divided.shards)
    await AGREEMENT.change(connection, name="shards", value=str(number))


async def _forget_slots(shards: int) -> None:
    """Lead no slot anywhere: each is bound anew when it is next used. The shards' queues must be empty."""
    amqp_url = given("AMQP_URL")
    if not amqp_url:
        raise click.ClickException("slots lead to shards by the number until now: give AMQP_URL, or AMQP_URL_FILE")
    try:
        link = await open_link(amqp_url, "feedline shards", _HEARTBEAT_S)
        try:
            depths = {shard: await _depth(link.connection, shard) for shard in range(shards)}
            full = [f"{shard_queue(shard)} ({depth})" for shard, depth in depths.items() if depth]
            if full:
                raise click.ClickException(
                    f"batches wait in {', '.join(full)}: let the workers apply them first (after a restore of Postgres,"
                    " whose number is older than the broker's: --restored)"
                )
            channel = await link.connection.channel()
            await channel.exchange_delete(SHARDS_EXCHANGE)  # and with it all bindings
            await channel.exchange_declare(SHARDS_EXCHANGE, exchange_type="direct", durable=True)
        finally:
            await link.close()
    except AWAY as error:
        raise click.ClickException(f"RabbitMQ cannot be reached: {type(error).__name__}: {error}") from None


async def _depth(connection: AbstractConnection, shard: int) -> int:
    """Return how many batches wait in a shard's queue; none if it does not stand."""
    channel = await connection.channel()
    try:
        depth = (await channel.queue_declare(shard_queue(shard), passive=True)).message_count
    except ChannelNotFoundEntity:
        return 0
    await channel.close()
    return depth or 0


async def _splits(connection: asyncpg.Connection) -> list[Any]:
    return [row async for row in AGREEMENT.splits(connection)]
