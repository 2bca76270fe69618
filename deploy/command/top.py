"""`feedline top`: the shards in a terminal: how late each is, who has it, what it waits for, does the canary arrive."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import click
import orjson
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from deploy.command.database import reaching
from schemas import logs, queries
from schemas.agreement import division
from schemas.division import Division
from schemas.postgres import Session
from schemas.settings import Settings, load
from workers.amqp.broker import Broker
from workers.clock import Clock
from workers.health import Health
from workers.watch.lateness import Emptiness, Queue, ShardState
from workers.watch.queues import Queues
from workers.watch.watcher import WATCH, states_of

_TOP = queries.load("top", beside=__file__)
_EVERY_S = 1.0
_OUTCOMES_EVERY_S = 10.0
"""The minutes of all feeds are read less often: there may be many."""
LATE_S, CANARY_LATE_S = 5.0, 180.0
_OUTCOMES = ("created", "updated", "unchanged", "superseded", "deferred", "rejected", "dead")


@click.command()
@click.option("--once", is_flag=True, help="Show it once and end.")
@click.option("--json", "as_json", is_flag=True, help="With --once: one JSON object, for scripts.")
def top(*, once: bool, as_json: bool) -> None:
    """Show the shards, refreshed each second: lateness, rates, owners, outcomes, canary."""
    if as_json and not once:
        raise click.UsageError("--json goes with --once")
    settings = load()
    logs.configure("top", "error")
    with reaching(), suppress(KeyboardInterrupt):
        asyncio.run(_show(settings, once=once, as_json=as_json))


async def _show(settings: Settings, *, once: bool, as_json: bool) -> None:
    async with looking(settings) as look:
        if as_json:
            click.echo(orjson.dumps(await look.look(), option=orjson.OPT_INDENT_2).decode())
        elif once:
            Console().print(drawn(await look.look()))
        else:
            with Live(drawn(await look.look()), auto_refresh=False, screen=True) as live:
                while True:
                    await asyncio.sleep(_EVERY_S)
                    live.update(drawn(await look.look()), refresh=True)


@asynccontextmanager
async def looking(settings: Settings) -> AsyncIterator[Look]:
    """Open what a look needs."""
    broker = Broker(settings, "feedline-top", Health(), Clock())
    connection = await Session("feedline-top").open(settings.dsn, timeout=10)
    try:
        yield Look(settings, connection, Queues(broker))
    finally:
        await connection.close()
        await broker.close()


class Look:
    """Reads what is shown."""

    def __init__(self, settings: Settings, connection: asyncpg.Connection, queues: Queues) -> None:
        self._settings = settings
        self._connection = connection
        self._queues = queues
        self._emptiness = Emptiness()
        self._outcomes: dict[str, Any] = {}
        self._outcomes_due = 0.0

    async def look(self) -> dict[str, Any]:
        """Return what is to be seen now, as `--json` shows it: times in ISO 8601, ages in seconds, null for unknown."""
        now = datetime.now(UTC)
        dead_after = timedelta(milliseconds=self._settings.heartbeat_timeout_ms)
        divided = await division(self._connection) or Division(self._settings.shards)
        queues = await self._queues.look(divided)
        states = await states_of(self._connection, dead_after)
        canaries = {row["shard"]: row async for row in _TOP.canaries(self._connection)}
        if time.monotonic() >= self._outcomes_due:
            self._outcomes = dict(await anext(aiter(_TOP.outcomes(self._connection))))
            self._outcomes_due = time.monotonic() + _OUTCOMES_EVERY_S
        shards = [
            self._shard(shard, queues[shard] if queues else None, states.get(shard), canaries.get(shard), now)
            for shard in divided.open
        ]
        seconds = self._outcomes["seconds"]
        return {
            "at": now,
            "workers": await WATCH.live_workers(self._connection, timeout=dead_after),
            "brokerSeen": queues is not None,
            "itemsPerSecond": {name: round(self._outcomes[name] / seconds, 1) for name in _OUTCOMES},
            "lagSeconds": self._outcomes["lag_ms"] / 1000,
            "shards": shards,
        }

    def _shard(self, shard: int, queue: Queue | None, state: ShardState | None, canary: Any, now: datetime) -> Any:
        owner = state if state is not None and state.alive else None
        in_hand = None if state is None else state.oldest_at
        oldest = self._emptiness.look(shard, queue, state, now) if queue else in_hand
        return {
            "shard": shard,
            "ready": queue and queue.ready,
            "consumers": queue and queue.consumers,
            "ageSeconds": _age(oldest, now) or 0.0,
            "owner": owner and owner.worker_id,
            "host": owner and owner.host,
            "appliedAt": state and state.applied_at,
            "waitsFor": state and state.waits_for,
            "waitsReason": state and state.waits_reason,
            "canarySeconds": _age(canary and canary["arrived_at"], now),
            "canaryFailed": canary and canary["failed"],
        }


def _age(at: datetime | None, now: datetime) -> float | None:
    return None if at is None else round(max(0.0, (now - at).total_seconds()), 1)


def drawn(seen: dict[str, Any]) -> Group:
    """Return the screen: a line of totals, a line of outcomes, a table of the shards."""
    oldest = max((shard["ageSeconds"] for shard in seen["shards"]), default=0.0)
    head = Text.assemble(
        ("Feedline ", "bold"),
        f"{seen['at']:%H:%M:%S} UTC   {seen['workers']} workers   oldest ",
        _coloured(f"{oldest:.1f} s", late=oldest > LATE_S),
        f"   last minute's lag {seen['lagSeconds']:.1f} s",
    )
    if not seen["brokerSeen"]:
        head.append("   RabbitMQ does not answer", style="bold red")
    rates = "   ".join(f"{name} {rate:,.1f}" for name, rate in seen["itemsPerSecond"].items() if rate)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("shard", "ready", "oldest", "canary"):
        table.add_column(name, justify="right")
    for name in ("owner", "waits for"):
        table.add_column(name, overflow="ellipsis", no_wrap=True)
    for shard in seen["shards"]:
        age = shard["ageSeconds"]
        owner = shard["owner"] and f"{shard['host']} {shard['owner'][:8]}"
        waits = ": ".join(filter(None, (shard["waitsFor"], shard["waitsReason"])))
        table.add_row(
            str(shard["shard"]),
            "?" if shard["ready"] is None else f"{shard['ready']:,}",
            _coloured(f"{age:.1f} s", late=age > LATE_S),
            _canary(shard),
            Text(owner) if owner else Text("nobody", "bold red"),
            Text(waits, "yellow"),
        )
    return Group(head, Text(f"Items a second: {rates or 'none'}"), Text(), table)


def _canary(shard: dict[str, Any]) -> Text:
    ago, failed = shard["canarySeconds"], shard["canaryFailed"]
    if failed is not None:
        return _coloured(f"not at {failed}", late=True)
    return Text("never") if ago is None else _coloured(f"{ago:.0f} s ago", late=ago > CANARY_LATE_S)


def _coloured(text: str, *, late: bool) -> Text:
    return Text(text, "bold red" if late else "green")
