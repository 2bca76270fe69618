"""Our row in the live list, and who else is in it.

A worker that stops removes its row and tells the others at once; one that dies is found out by its silence, and its row
is removed by whoever notices first.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import asyncpg
import structlog

from schemas.settings import Settings
from workers import database
from workers.backoff import Backoff
from workers.fleet import FLEET
from workers.health import Health
from workers.shard.lock import connection_name

CHANNEL = "workers_changed"
_log = structlog.get_logger()


class Heartbeat:
    """Beats until `leave`; after each beat `changed` is called with the ids of all live workers, ours included."""

    def __init__(
        self, settings: Settings, worker_id: uuid.UUID, health: Health, changed: Callable[[frozenset[uuid.UUID]], None]
    ) -> None:
        self._dsn = settings.dsn
        self._id = worker_id
        self._every_s = settings.heartbeat_ms / 1000
        self._timeout_s = settings.heartbeat_timeout_ms / 1000
        self._health = health
        self._changed = changed
        self._wake = asyncio.Event()
        self._left = asyncio.Event()
        self._connection: asyncpg.Connection | None = None
        self._beat_at: float | None = None
        self._patient_until = 0.0

    async def run(self) -> None:
        """Beat; while Postgres is away, keep what was known and try again."""
        backoff = Backoff()
        while not self._left.is_set():
            try:
                with database.reaching():
                    await self._beat()
                backoff.reset()
                delay = self._every_s
            except database.Away as error:
                self._health.trouble("postgres", "heartbeat", error)
                self._drop()
                delay = backoff.delay()
            with suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._wake.wait()
            self._wake.clear()

    async def leave(self) -> None:
        """Stop beating, remove our row and tell the others."""
        self._left.set()
        self._wake.set()
        try:
            with database.reaching():
                async with asyncio.timeout(database.CONNECT_TIMEOUT_S):
                    connection = await database.connect(self._dsn, connection_name(self._id, "leaving"))
                    try:
                        await FLEET.leave(connection, id=self._id)
                        await FLEET.tell_workers(connection)
                    finally:
                        connection.terminate()
        except database.Away as error:
            _log.warning("leave_failed", error=str(error))  # the others will find out by our silence

    def close(self) -> None:
        """Close the connection."""
        self._drop()

    async def _beat(self) -> None:
        connection = await self._connected()
        timeout = timedelta(seconds=self._timeout_s)
        us = {"id": self._id, "host": socket.gethostname(), "pid": os.getpid()}
        rows = [row async for row in FLEET.beat(connection, **us, timeout=timeout)]
        now = time.monotonic()
        if self._beat_at is None:
            await FLEET.tell_workers(connection)
        elif now - self._beat_at > self._timeout_s:
            # Postgres, or we, were away. So may the others have been: who looks dead gets the time to come back.
            self._patient_until = now + self._timeout_s
        self._beat_at = now
        patient = now < self._patient_until
        if not patient and any(not row["fresh"] for row in rows):
            buried = [row["id"] async for row in FLEET.bury(connection, timeout=timeout)]
            _log.warning("workers_dead", workers=[str(dead) for dead in buried])
            await FLEET.tell_workers(connection)
        self._health.well("postgres", "heartbeat")
        if not self._left.is_set():
            self._changed(self._live(rows, patient=patient))

    def _live(self, rows: Iterable[Any], *, patient: bool) -> frozenset[uuid.UUID]:
        return frozenset({self._id, *(row["id"] for row in rows if patient or row["fresh"])})

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            name = connection_name(self._id, "heartbeat")
            self._connection = await database.connect(self._dsn, name, statement_timeout_s=self._timeout_s)
            await self._connection.add_listener(CHANNEL, lambda *_: self._wake.set())
        return self._connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
