"""The watcher at work: looks at shards every few seconds, at accounts once a minute, and shows what it sees."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from schemas import metrics, queries
from schemas.agreement import division
from schemas.division import Division
from schemas.settings import Settings
from workers.amqp.nodes import Nodes
from workers.clock import Clock
from workers.watch.export import Exporter, Sample, Seeing
from workers.watch.lateness import Emptiness, Queue, ShardState
from workers.watch.members import look_at_nodes
from workers.watch.queues import Queues

WATCH = queries.load("watch", beside=__file__)
SLOW_EVERY_S = 60.0
MOST = 20
_FRESH_LOOKS = 3
"""After so many looks that did not come, what was seen is not shown any more."""


class Watcher:
    """The work of the duty `watch`: one watcher of the fleet at a time."""

    def __init__(self, settings: Settings, sources: tuple[Queues, Nodes], exporter: Exporter, clock: Clock) -> None:
        self._settings = settings
        self._queues, self._nodes = sources
        self._exporter = exporter
        self._clock = clock
        self._emptiness = Emptiness()
        self._every_s = settings.watch_ms / 1000
        self._fresh_s = _FRESH_LOOKS * self._every_s + 5

    async def serve(self, connection: asyncpg.Connection) -> None:
        """Look until the connection, which holds the duty's lock, breaks."""
        slow_due = float("-inf")
        try:
            while True:
                self._exporter.show("shards", await self.look(connection), fresh_s=self._fresh_s)
                if self._clock.monotonic() >= slow_due:
                    seeing = await look_slowly(connection)
                    self._exporter.show("accounts", seeing, fresh_s=_FRESH_LOOKS * SLOW_EVERY_S)
                    slow_due = self._clock.monotonic() + SLOW_EVERY_S
                await asyncio.sleep(self._every_s)
        finally:
            for source in ("shards", "accounts"):
                self._exporter.hide(source)

    async def look(self, connection: asyncpg.Connection) -> Seeing:
        """Return what is to be seen of the shards and of who serves them."""
        timeout = timedelta(milliseconds=self._settings.heartbeat_timeout_ms)
        divided = await division(connection) or Division(self._settings.shards)
        found, (nodes, told) = await asyncio.gather(self._queues.look(divided), look_at_nodes(self._nodes, divided))
        states = await states_of(connection, timeout)
        seeing = {
            **nodes,
            **shards_seen(told if found is None else found, states, self._emptiness, self._clock.now()),
            metrics.SHARD_ROOM: [((), float(self._settings.queue_max_length))],
            metrics.SHARDS_CLOSED: [((), float(len(divided.closed)))],
            metrics.LIVE_WORKERS: [((), float(await WATCH.live_workers(connection, timeout=timeout)))],
        }
        standbys = await WATCH.standbys(connection)
        seeing[metrics.STANDBYS] = [((), float(standbys["seen"]))]
        seeing[metrics.STANDBYS_WANTED] = [((), float(standbys["wanted"]))]
        return seeing


async def states_of(connection: asyncpg.Connection, dead_after: timedelta) -> dict[int, ShardState]:
    """Return what owners said of their shards; one without a heartbeat for `dead_after` is not alive."""
    return {
        row["shard"]: ShardState(
            worker_id=str(row["worker_id"]),
            **{field.name: row[field.name] for field in fields(ShardState) if field.name != "worker_id"},
        )
        async for row in WATCH.shard_states(connection, timeout=dead_after)
    }


def shards_seen(
    queues: dict[int, Queue] | None, states: dict[int, ShardState], emptiness: Emptiness, now: datetime
) -> Seeing:
    """Return the samples of the shards; without the broker (None) only what owners have in hand is known."""
    ready: list[Sample] = []
    consumers: list[Sample] = []
    oldest: list[Sample] = []
    for shard, queue in (queues or {}).items():
        ready.append(((str(shard),), float(queue.ready)))
        consumers.append(((str(shard),), float(queue.consumers)))
        at = emptiness.look(shard, queue, states.get(shard), now)
        if at is not None:
            oldest.append(((str(shard),), at.timestamp()))
    if queues is None:
        in_hand = {shard: state.oldest_at for shard, state in states.items()}
        oldest = [((str(shard),), at.timestamp()) for shard, at in in_hand.items() if at is not None]
    waits = [((str(shard), state.waits_for), 1.0) for shard, state in states.items() if state.waits_for and state.alive]
    return {
        metrics.SHARD_READY: ready,
        metrics.SHARD_CONSUMERS: consumers,
        metrics.SHARD_OLDEST: oldest,
        metrics.SHARD_WAITS: waits,
    }


async def look_slowly(connection: asyncpg.Connection) -> Seeing:
    """Return what is to be seen of deferred items, accounts and their feeds."""
    deferred = await WATCH.slow_deferred(connection)
    limits = [row async for row in WATCH.slow_limits(connection, most=MOST)]
    feeds = [row async for row in WATCH.slow_feeds(connection, most=MOST)]
    letters = [row async for row in WATCH.slow_dead_letters(connection)]
    return {
        metrics.DEAD_RECENT: _by(letters, "code", "letters"),
        metrics.DEFERRED_ITEMS: [((), float(deferred["items"]))],
        metrics.DEFERRED_OLDEST: [((), at.timestamp()) for at in [deferred["oldest_at"]] if at is not None],
        metrics.LIMIT_USED: _by(limits, "id", "used"),
        metrics.ACCOUNT_FAILING: _by(feeds, "account_id", "failing"),
        metrics.ACCOUNT_HELD: _by(feeds, "account_id", "held"),
    }


def _by(rows: Sequence[Any], label: str, value: str) -> list[Sample]:
    return [((str(row[label]),), float(row[value])) for row in rows]
