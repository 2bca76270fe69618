"""Our row in the live list, and who else is in it.

A worker that stops, or that RabbitMQ does not answer, tells the others at once; one that dies is found out by its
silence. One that cannot reach Postgres for as long as the others would wait holds itself for dead, as they do.
"""

from __future__ import annotations

import asyncio
import os
import socket
import uuid
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import asyncpg
import orjson

from schemas import queries
from schemas.backoff import Backoff
from schemas.logs import structlog
from schemas.settings import Settings
from workers import database
from workers.clock import Clock
from workers.fleet.lease import Lease
from workers.health import Health
from workers.shard.lock import connection_name

FLEET = queries.load("fleet", beside=__file__)
CHANNEL = "workers_changed"
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Listeners:
    """What a heartbeat asks and tells.

    `changed` gets the ids of all live workers, ours included, after each beat; `lost` is called once when the others
    hold us for dead, or we must hold ourselves for it; `fit` tells whether RabbitMQ answers us; `states` gives the
    state of our shards, to be stored; `read` reads what else each beat is to bring, before `changed`.
    """

    changed: Callable[[frozenset[uuid.UUID]], None]
    lost: Callable[[str], None]
    fit: Callable[[], bool] = lambda: True
    states: Callable[[], list[dict[str, Any]]] = field(default=list)
    read: Callable[[asyncpg.Connection], Awaitable[None]] | None = None


class Heartbeat:
    """Beats until `leave`, while we are fit to work."""

    def __init__(
        self, settings: Settings, worker_id: uuid.UUID, health: Health, listeners: Listeners, clock: Clock
    ) -> None:
        self._dsn = settings.dsn
        self._id = worker_id
        self._every_s = settings.heartbeat_ms / 1000
        self._timeout_s = settings.heartbeat_timeout_ms / 1000
        self._health = health
        self._listeners = listeners
        self._monotonic = clock.monotonic
        self._lease = Lease(self._timeout_s, clock.monotonic)
        self._wake = asyncio.Event()
        self._left = False
        self._busy = asyncio.Lock()
        self._connection: asyncpg.Connection | None = None
        self._beat_at: float | None = None
        self._patient_until = 0.0
        self._stored: list[dict[str, Any]] = []

    def wake(self) -> None:
        """Beat now: something changed."""
        self._wake.set()

    async def run(self) -> None:
        """Beat; while Postgres is away, keep what was known until the lease runs out, and try again."""
        backoff = Backoff()
        while not self._left:
            self._lose_if_silent()
            try:
                with database.reaching():
                    async with self._busy, asyncio.timeout(self._lease.left_s or self._timeout_s):
                        await self._beat_if_fit()
                backoff.reset()
                delay = self._every_s
            except database.Away as error:
                self._health.trouble("postgres", "heartbeat", error)
                self._drop()
                delay = backoff.delay()
                if self._lease.held:
                    delay = min(delay, self._lease.left_s)
            self._lose_if_silent()
            with suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._wake.wait()
            self._wake.clear()

    async def stop_soon(self, seconds: float) -> None:
        """Stop beating and take no shards any more; the others leave us be for so long while we hand ours over."""
        self._left = True
        self._wake.set()
        await self._say_last(lambda connection: FLEET.stop_soon(connection, id=self._id, seconds=seconds))

    async def leave(self) -> None:
        """Remove our row: all is handed over."""
        self._left = True
        self._wake.set()
        await self._say_last(lambda connection: FLEET.leave(connection, id=self._id))

    def close(self) -> None:
        """Close the connection."""
        self._drop()

    async def _say_last(self, say: Callable[[asyncpg.Connection], Any]) -> None:
        """Say something over a connection of its own, after the beat that may be under way; tell the others."""
        try:
            with database.reaching():
                async with asyncio.timeout(database.OPEN_TIMEOUT_S), self._busy:
                    connection = await database.open_connection(self._dsn, connection_name(self._id, "leaving"))
                    try:
                        await say(connection)
                        await FLEET.tell_workers(connection)
                    finally:
                        connection.terminate()
        except database.Away as error:
            _log.warning("leave_failed", error=str(error))  # the others will find out by our silence

    async def _beat_if_fit(self) -> None:
        """Beat if we are fit to work; if we are not any more, leave the list until we are again."""
        if self._left:
            return
        if self._listeners.fit():
            await self._beat()
        elif self._lease.held:
            self._lose("RabbitMQ does not answer")
            connection = await self._opened()
            await FLEET.leave(connection, id=self._id)
            await FLEET.tell_workers(connection)

    async def _beat(self) -> None:
        connection = await self._opened()
        timeout = timedelta(seconds=self._timeout_s)
        if not self._lease.held:
            await FLEET.join(connection, id=self._id, host=socket.gethostname(), pid=os.getpid())
            await FLEET.tell_workers(connection)
        now = self._monotonic()
        rows = [row async for row in FLEET.beat(connection, id=self._id, timeout=timeout)]
        if not any(row["id"] == self._id for row in rows):
            self._lose("the others have buried us")
            self._wake.set()  # and join them anew
            return
        if self._beat_at is not None and now - self._beat_at > self._timeout_s:
            # Postgres, or we, were away. So may the others have been: who looks dead gets the time to come back.
            self._patient_until = now + self._timeout_s
        self._beat_at = now
        self._lease.renew(now)
        patient = now < self._patient_until
        if not patient and any(not row["fresh"] for row in rows):
            buried = [row["id"] async for row in FLEET.bury(connection, timeout=timeout)]
            _log.warning("workers_dead", workers=[str(dead) for dead in buried])
            await FLEET.tell_workers(connection)
        self._health.well("postgres", "heartbeat")
        if self._listeners.read is not None:
            await self._listeners.read(connection)
        if not self._left:
            self._listeners.changed(self._live(rows, patient=patient))
        await self._store_states(connection)

    async def _store_states(self, connection: asyncpg.Connection) -> None:
        states = self._listeners.states()
        if states and states != self._stored:
            text = orjson.dumps(states).decode()
            await FLEET.keep_state(connection, worker_id=self._id, host=socket.gethostname(), states=text)
            self._stored = states

    def _live(self, rows: Iterable[Any], *, patient: bool) -> frozenset[uuid.UUID]:
        return frozenset(row["id"] for row in rows if patient or row["fresh"])

    def _lose_if_silent(self) -> None:
        if self._lease.held and not self._lease.left_s:
            self._lose("no heartbeat of ours has reached Postgres for too long")

    def _lose(self, why: str) -> None:
        self._lease.end()
        _log.warning("given_up_for_dead", reason=why)
        self._listeners.lost(why)

    async def _opened(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            name = connection_name(self._id, "heartbeat")
            self._connection = await database.open_connection(self._dsn, name, statement_timeout_s=self._timeout_s)
            await self._connection.add_listener(CHANNEL, lambda *_: self._wake.set())
        return self._connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
