"""Workers that lose one of their two servers, and not the other: they give back, and who can work goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Self

import pytest
from yarl import URL

HEARTBEAT_TIMEOUT_MS = 6_000
"""Beats are due five times a second: on a busy machine some are late, and nobody is dead."""
WATCHDOG_MS = 60_000
"""Beyond what a test waits: none may need it."""


class Proxy:
    """Forwards to `host:port` from `port` of loopback, until it is cut; an async context manager."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._whole = asyncio.Event()
        self._whole.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Let nothing through any more, and tell nobody."""
        self._whole.clear()

    def mend(self) -> None:
        """Let everything through again, what was held up first."""
        self._whole.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with suppress(OSError, asyncio.CancelledError):  # a cancelled one is told as an error by asyncio's server
            await self._whole.wait()
            there_reader, there_writer = await asyncio.open_connection(*self._to)
            await asyncio.gather(self._pipe(reader, there_writer), self._pipe(there_reader, writer))

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError):
                while data := await reader.read(2**16):
                    await self._whole.wait()
                    writer.write(data)
                    await writer.drain()
        finally:
            writer.close()


@asynccontextmanager
async def cut_and_whole(fleet, setting: str) -> AsyncIterator[tuple]:
    """Yield a proxy before one of a worker's servers, that worker, and a healthy one; both consume their shards."""
    url = URL(getattr(fleet.settings, setting).get_secret_value())
    limits = {"heartbeat_timeout_ms": HEARTBEAT_TIMEOUT_MS, "watchdog_ms": WATCHDOG_MS}
    async with Proxy(url.host, url.port) as between:
        detour = str(url.with_port(between.port))
        async with fleet.worker(**limits, **{setting: detour}) as first, fleet.worker(**limits) as second:
            for worker in (first, second):
                for shard in (await worker.event("assigned", workers=2))["shards"]:
                    await worker.event("consuming", shard=shard)
            yield between, first, second


@pytest.mark.parametrize("setting", ["database_url", "amqp_url"])
async def test_a_worker_that_loses_one_server_alone_gives_its_shards_to_one_that_can_work(fleet, setting):
    async with cut_and_whole(fleet, setting) as (between, first, second):
        theirs = (await first.event("assigned", workers=2))["shards"]
        async with fleet.posting():
            await fleet.progress()
            between.cut()
            await first.event("given_up_for_dead")
            for shard in theirs:
                await second.event("consuming", shard=shard)
            await fleet.progress()
            between.mend()
            await fleet.progress()
        await fleet.settled()
        assert [None, None] == [worker.process.returncode for worker in (first, second)]
        assert [] == await fleet.fetch("SELECT 1 FROM dead_letters")

        async def has_its_shards_again():
            assigned = first.logged("assigned")[-1]
            return (2, theirs) == (assigned["workers"], assigned["shards"])

        await fleet.until(has_its_shards_again, lambda: f"{theirs} again: {first.logged('assigned')}")
