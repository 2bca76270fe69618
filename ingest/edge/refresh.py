"""Keeps the snapshot of the feeds fresh: told by NOTIFY feeds_changed, and by a slow poll should a notice be lost.

While Postgres is away the last snapshot stays in use, so posts are still accepted.
Source: https://www.postgresql.org/docs/current/sql-listen.html
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

import asyncpg

from ingest.edge.allowances import allowances
from ingest.edge.feeds import Collector, Feed, Snapshot, digest, snapshot, unknown, unsure
from ingest.edge.strangers import Strangers
from schemas import queries
from schemas.backoff import Backoff
from schemas.logs import structlog
from schemas.metrics import DEGRADED, FEEDS_AGE, FEEDS_KNOWN
from schemas.postgres import TROUBLE, Session
from schemas.settings import Settings

_log = structlog.get_logger()

_CHANNEL = "feeds_changed"
_TIMEOUT_S = 10.0
_LOOK_UP_S = 2.0
_QUIET_S, _REST = 0.05, 4
"""Notices of one burst of changes lead to one reload; reloading takes at most a fifth of the time, however many."""
_PART = 500
"""Feeds that are read in one go: about a millisecond."""


class Feeds:
    """The current snapshot and the task that renews it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._queries = queries.load("edge", beside=__file__)
        self._changed = asyncio.Event()
        self._took_s = 0.0
        self._strangers = Strangers()
        self._asking = asyncio.Lock()
        self._asker: Any = None
        self._loaded = asyncio.Event()
        self.current: Snapshot = Snapshot()
        self.trouble: str | None = "the feeds have not been read yet"

    def ready(self) -> str | None:
        """Return None when a snapshot is there, however old: posts can be told from strangers."""
        return None if self._loaded.is_set() else f"feeds: {self.trouble}"

    async def first(self, timeout_s: float) -> bool:
        """Wait for the first snapshot; returns whether it came in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._loaded.wait()
        return self._loaded.is_set()

    async def run(self) -> None:
        """Read, listen and read again, until cancelled."""
        try:
            await self._run()
        finally:
            self._forget_asker()

    async def _run(self) -> None:
        backoff = Backoff(first_s=0.1, cap_s=5.0)
        while True:
            try:
                await self._follow()
            except TROUBLE as error:
                if self.trouble is None:
                    backoff.reset()
                self.trouble = f"postgres: {str(error) or type(error).__name__}"
                DEGRADED.labels("postgres").set(1)
                delay = backoff.delay()
                _log.warning("feeds_not_refreshed", reason=self.trouble, retry_in_s=round(delay, 2))
                await asyncio.sleep(delay)

    async def looked_up(self, webhook_hash: str | None) -> Feed:
        """Return the feed of a hash that the snapshot does not know, by one look-up; raises `ProblemError`.

        So a new feed, or a rotated hash, is taken from the moment at which the API has answered.
        """
        assert webhook_hash is not None
        key = digest(webhook_hash)
        self._strangers.check(key)
        if self.trouble is not None:
            raise unsure()
        try:
            async with asyncio.timeout(_LOOK_UP_S), self._asking:
                one = f"{self._queries.feeds_of_edge.sql} {self._queries.with_hash.sql}"
                rows = await (await self._connection()).fetch(one, webhook_hash)
        except (*TROUBLE, UnicodeError):
            self._forget_asker()
            raise unsure() from None
        feed = snapshot(rows).known(webhook_hash)
        if feed is None:
            self._strangers.remember(key)
            raise unknown()
        self.current.found[key] = feed
        return feed

    async def _connection(self) -> Any:
        """Return the connection of look-ups: the other one may be in the middle of a snapshot."""
        if self._asker is None or self._asker.is_closed():
            self._asker = await Session("feedline-edge-look-up").open(
                self._settings.dsn, timeout=_LOOK_UP_S, command_timeout=_LOOK_UP_S
            )
        return self._asker

    def _forget_asker(self) -> None:
        if self._asker is not None:
            self._asker.terminate()
            self._asker = None

    async def _follow(self) -> None:
        """Hold one connection: reload when told and when the poll is due; raises what `TROUBLE` lists."""
        connection = await Session("feedline-edge").open(
            self._settings.dsn, timeout=_TIMEOUT_S, command_timeout=_TIMEOUT_S
        )
        lost = asyncio.Event()

        def over(_: Any) -> None:
            lost.set()
            self._changed.set()

        connection.add_termination_listener(over)
        try:
            await connection.add_listener(_CHANNEL, lambda *_: self._changed.set())
            while not lost.is_set():
                self._changed.clear()
                await self._load(connection)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._settings.feeds_poll_ms / 1000):
                        await self._changed.wait()
                await asyncio.sleep(max(_QUIET_S, self._took_s * _REST))
            raise ConnectionResetError("the connection was closed")
        finally:
            connection.terminate()

    async def _load(self, connection: Any) -> None:
        """Read all feeds, a part at a time: posts go on in between."""
        began = time.monotonic()
        collector = Collector()
        async with connection.transaction(readonly=True):
            cursor = await connection.cursor(self._queries.feeds_of_edge.sql)
            while rows := await cursor.fetch(_PART):
                collector.add(rows)
        loaded = collector.snapshot()
        try:
            loaded.allowances = allowances(
                await connection.fetch(self._queries.allowances_of_edge.sql), time.time_ns() // 1_000_000
            )
        except asyncpg.PostgresError as error:  # what is left of a day is told where it is known; posts need it not
            _log.warning("allowances_not_read", reason=str(error))
        self._took_s = time.monotonic() - began
        self.current = loaded
        hashes = self.current.size
        self.trouble = None
        DEGRADED.labels("postgres").set(0)
        FEEDS_KNOWN.set(hashes)
        FEEDS_AGE.set(time.time())
        if not self._loaded.is_set():
            self._loaded.set()
            _log.info("feeds_loaded", hashes=hashes)
