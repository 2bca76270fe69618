"""`feedline queues`: what RabbitMQ says of the shard queues, their limits as a policy, their leaders spread evenly.

AMQP tells depth and consumers; who leads and how many members there are is told by the management plugin alone.
"""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import quote

import click
import orjson
from aiohttp import ClientError, ClientSession, ClientTimeout
from aiormq.exceptions import ChannelNotFoundEntity
from yarl import URL

from deploy.command.given import given
from schemas.addresses import brokers
from schemas.agreement import known_division
from schemas.amqp.tap import AWAY, open_link
from schemas.postgres import TROUBLE, Session
from schemas.settings import Settings, load
from schemas.topology import DEAD_QUEUE, SHARD_PATTERN, shard_queue
from workers.watch.lateness import Emptiness, Queue, ShardState
from workers.watch.watcher import states_of

_POLICY = "feedline-shards"
_TIMEOUT_S = 10.0
_HEARTBEAT_S = 10
_COLUMNS = ("queue", "ready", "in hand", "consumers", "oldest", "leader", "members online")
_OLDEST = _COLUMNS.index("oldest")
_T = TypeVar("_T")
_Row = tuple[str, ...]


@click.group(invoke_without_command=True)
@click.option("--members", envvar="BROKER_MEMBERS", type=click.IntRange(0, 9), help="Exit 1 if a queue has fewer.")
@click.pass_context
def queues(context: click.Context, members: int | None) -> None:
    """Show depth, consumers and age of every queue; leader and members too where RABBITMQ_MANAGEMENT_URL is set.

    RABBITMQ_MANAGEMENT_URL is the management plugin's address, http://user:password@host:15672; it may be in a
    file that RABBITMQ_MANAGEMENT_URL_FILE names.
    """
    if context.invoked_subcommand is not None:
        return
    settings, management = load(), _management()
    if management is None and members:
        raise click.UsageError("how many members a queue has is told by RABBITMQ_MANAGEMENT_URL alone")
    told = _run(_over_amqp(settings) if management is None else _over_http(management, settings))
    rows = with_ages(told, asyncio.run(_states(settings)), datetime.now(UTC))
    widths = [max(map(len, column)) for column in zip(_COLUMNS, *rows, strict=True)]
    for row in (_COLUMNS, *rows):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    few = [name for name, *_, online in rows if members and len(online.split()) < members]
    if few:
        raise click.ClickException(f"fewer than {members} members online: {', '.join(few)}")


@queues.command()
def apply() -> None:
    """Set the limits of the shard queues (QUEUE_MAX_LENGTH and so on) as a policy, or print how to.

    Live queues take it at once; nothing is restarted. Where a queue was made with a limit of its own the lower counts.
    """
    settings, management = load(), _management()
    definition = policy(settings)
    if management is None:
        click.echo("RABBITMQ_MANAGEMENT_URL is not set; on a node of the cluster:", err=True)
        click.echo(
            f"rabbitmqctl set_policy --vhost {shlex.quote(_vhost(settings))} --apply-to queues {_POLICY}"
            f" {shlex.quote(SHARD_PATTERN)} {shlex.quote(orjson.dumps(definition).decode())}"
        )
        return
    body = {"pattern": SHARD_PATTERN, "apply-to": "queues", "definition": definition}
    _run(_ask(management, "PUT", f"policies/{_quoted_vhost(settings)}/{_POLICY}", body))
    click.echo(f"policy {_POLICY}: {orjson.dumps(definition).decode()}")


@queues.command()
def rebalance() -> None:
    """Spread the leaders of the queues over the nodes; a node that was restarted leads nothing before that."""
    management = _management()
    if management is None:
        click.echo("RABBITMQ_MANAGEMENT_URL is not set; on a node of the cluster:", err=True)
        click.echo("rabbitmq-queues rebalance quorum")
        return
    _run(_ask(management, "POST", "rebalance/queues"))
    click.echo("leaders are being spread")


def policy(settings: Settings) -> dict[str, Any]:
    """Return the policy's definition. Source: https://www.rabbitmq.com/docs/policies, /docs/quorum-queues."""
    return {
        "max-length": settings.queue_max_length,
        "max-length-bytes": settings.queue_max_bytes,
        "delivery-limit": settings.queue_delivery_limit,
        "overflow": "reject-publish",
        "queue-leader-locator": "balanced",
    }


async def _over_amqp(settings: Settings) -> list[_Row]:
    link = await open_link(settings.amqp, "feedline queues", _HEARTBEAT_S)
    rows: list[_Row] = []
    try:
        channel = await link.connection.channel()
        for name in await _names(settings):
            try:
                found = await channel.queue_declare(name, passive=True, timeout=_TIMEOUT_S)
            except ChannelNotFoundEntity:
                channel = await link.connection.channel()
                rows.append((name, "missing", "", "", "", ""))
            else:
                rows.append((name, str(found.message_count), "?", str(found.consumer_count), "?", "?"))
    finally:
        await link.close()
    return rows


async def _over_http(management: str, settings: Settings) -> list[_Row]:
    told = await _ask(management, "GET", f"queues/{_quoted_vhost(settings)}")
    return rows_of(await _names(settings), told)


def rows_of(names: list[str], told: list[dict[str, Any]]) -> list[_Row]:
    """Return a row a queue from what the management plugin tells of all queues of the virtual host."""
    found = {queue["name"]: queue for queue in told}
    rows: list[_Row] = []
    for name in names:
        queue = found.get(name)
        if queue is None:
            rows.append((name, "missing", "", "", "", ""))
            continue
        numbers = [str(queue.get(key, "?")) for key in ("messages_ready", "messages_unacknowledged", "consumers")]
        rows.append((name, *numbers, str(queue.get("leader", "?")), " ".join(sorted(queue.get("online", [])))))
    return rows


def with_ages(rows: Sequence[_Row], states: dict[int, ShardState] | None, now: datetime) -> list[_Row]:
    """Return the rows with how old the oldest batch is that a shard has not applied; `states` is None while unknown.

    `≤` where its owner has not got it yet: nothing older is left, as far as owners know.
    """
    aged: list[_Row] = []
    for shard, row in enumerate(rows):
        state = None if states is None or row[0] == DEAD_QUEUE else states.get(shard)
        aged.append((*row[:_OLDEST], _age(row, state, now), *row[_OLDEST:]))
    return aged


def _age(row: _Row, state: ShardState | None, now: datetime) -> str:
    if not row[1].isdigit():
        return ""
    if state is None:
        return "?" if int(row[1]) else ""
    at = Emptiness().look(0, Queue(int(row[1]), 0), state, now)
    if at is None:
        return ""
    if at == now:
        return "?"
    return f"{'' if at == state.oldest_at else '≤ '}{(now - at).total_seconds():.1f} s"


async def _states(settings: Settings) -> dict[int, ShardState] | None:
    """Return what owners said of their shards; None while Postgres is away."""
    try:
        connection = await Session("feedline-queues").open(settings.dsn)
        try:
            return await states_of(connection, timedelta(milliseconds=settings.heartbeat_timeout_ms))
        finally:
            connection.terminate()
    except TROUBLE:
        return None


async def _ask(management: str, method: str, path: str, body: Any = None) -> Any:
    """Ask the management plugin; raises ClickException with its refusal, or aiohttp's errors."""
    url = URL(management)
    async with (
        ClientSession(timeout=ClientTimeout(total=_TIMEOUT_S)) as session,
        session.request(method, URL(f"{str(url).rstrip('/')}/api/{path}", encoded=True), json=body) as answer,
    ):
        text = await answer.text()
        if not answer.ok:
            raise click.ClickException(f"RabbitMQ's management plugin refuses: {answer.status} {text.strip()}")
        return orjson.loads(text) if method == "GET" else None


def _run(work: Awaitable[_T]) -> _T:
    async def awaited() -> _T:
        return await work

    try:
        return asyncio.run(awaited())
    except (*AWAY, ClientError) as error:
        raise click.ClickException(f"RabbitMQ cannot be reached: {type(error).__name__}: {error}") from None


async def _names(settings: Settings) -> list[str]:
    known = await known_division(settings)
    return [*map(shard_queue, range(known.shards if known is not None else settings.shards)), DEAD_QUEUE]


def _vhost(settings: Settings) -> str:
    return URL(brokers(settings.amqp)[0]).path[1:] or "/"


def _quoted_vhost(settings: Settings) -> str:
    return quote(_vhost(settings), safe="")


def _management() -> str | None:
    address = given("RABBITMQ_MANAGEMENT_URL")
    if address is not None and not re.match(r"https?://", address):
        raise click.UsageError("RABBITMQ_MANAGEMENT_URL is no http:// or https:// address")
    return address
