"""How many batches wait in each shard's queue: one look a second, however many ask, and nobody waits for it long.

What looks has a connection of its own, opened when somebody asks for the first time: a broker that answers a question
badly ends the connection, and that must not be the one that publishes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Final, Self

from aiormq.abc import AbstractChannel
from aiormq.exceptions import ChannelNotFoundEntity

from ingest.amqp.publish import HEARTBEAT_S
from schemas.amqp.tap import AWAY, Link, open_link
from schemas.logs import structlog
from schemas.settings import Settings, process_name
from schemas.tasks import end_tasks
from schemas.topology import shard_queue

EVERY_S: Final = 1.0
WAIT_S: Final = 0.5
"""Whoever asks waits this long since the look began, and no longer: until it has ended, nothing is known."""
_LOOK_S: Final = 5.0
_log = structlog.get_logger()

Look = Callable[[Sequence[int]], Awaitable[dict[int, int]]]
"""Return the depths of these shards; those that are not known are missing. Raises one of `AWAY`."""


class Depths:
    """The newest look; an async context manager."""

    def __init__(self, look: Look, wait_s: float = WAIT_S) -> None:
        self._look = look
        self._wait_s = wait_s
        self._began_at = float("-inf")
        self._task: asyncio.Task[dict[int, int]] | None = None
        self._seen = True

    def begin(self, shards: Sequence[int]) -> None:
        """Look at these shards, unless that was done within the last second, or is not done yet."""
        now = asyncio.get_running_loop().time()
        if self._task is None or (self._task.done() and now - self._began_at >= EVERY_S):
            self._began_at, self._task = now, asyncio.create_task(self._looked(shards), name="depths")

    async def known(self) -> dict[int, int]:
        """Return what the look that was begun last found; those not known are missing."""
        assert self._task is not None, "begin first"
        task = self._task
        left_s = self._began_at + self._wait_s - asyncio.get_running_loop().time()
        await asyncio.wait((task,), timeout=max(left_s, 0))
        return task.result() if task.done() else {}

    async def _looked(self, shards: Sequence[int]) -> dict[int, int]:
        try:
            async with asyncio.timeout(_LOOK_S):
                depths = await self._look(shards)
        except AWAY as error:
            if self._seen:
                _log.warning("depths_not_seen", error=f"{type(error).__name__}: {error}")
            self._seen = False
            return {}
        self._seen = True
        return depths

    async def __aenter__(self) -> Self:
        """Look at nothing before somebody asks."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Look no more."""
        await end_tasks([self._task] if self._task else [])


class QueueDepths(Depths):
    """What RabbitMQ says."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(self._ask)
        self._settings = settings
        self._link: Link | None = None
        self._channel: AbstractChannel | None = None

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connection, if there is one."""
        await super().__aexit__(kind, error, traceback)
        await self._leave()

    async def _ask(self, shards: Sequence[int]) -> dict[int, int]:
        depths = {}
        try:
            for shard in shards:
                channel = await self._opened()
                with contextlib.suppress(ChannelNotFoundEntity):
                    found = await channel.queue_declare(shard_queue(shard), passive=True)
                    # "No messages, no consumers" RabbitMQ also says of a queue whose leader is away
                    # (rabbit_quorum_queue, `stat`).
                    if found.message_count or found.consumer_count:
                        depths[shard] = found.message_count or 0
        except BaseException:
            await self._leave()  # what is still to come over it answers nobody
            raise
        return depths

    async def _opened(self) -> AbstractChannel:
        """Return a channel that works: a question about a queue that is gone costs it."""
        if self._link is None:
            self._link = await open_link(self._settings.amqp, process_name("api-depths"), HEARTBEAT_S)
        if self._channel is None or self._channel.is_closed:
            self._channel = await self._link.connection.channel(publisher_confirms=False)
        return self._channel

    async def _leave(self) -> None:
        link, self._link, self._channel = self._link, None, None
        if link is not None:
            await link.close()
