"""Waits for the workers' replies: one exclusive queue a process, one future a batch.

The connection is made again when it is lost. A reply that was sent meanwhile is lost with its queue: its sender is told
202 and finds the receipt.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from types import TracebackType
from typing import Any, Self

import orjson
from aiormq.abc import DeliveredMessage

from ingest.amqp.connecting import FIRST_DELAY_S, LONGEST_DELAY_S
from ingest.amqp.publish import HEARTBEAT_S, Publisher
from schemas.amqp.tap import AWAY, open_link
from schemas.backoff import Backoff
from schemas.batches import Batch
from schemas.logs import structlog
from schemas.settings import Settings, process_name
from schemas.tasks import end_tasks

_log = structlog.get_logger()
_ANSWER_S = 10.0
"""Time for the broker to make the queue."""


class Replies:
    """An async context manager that keeps a reply queue."""

    def __init__(self, settings: Settings, publisher: Publisher) -> None:
        self._settings = settings
        self._publisher = publisher
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._queue: str | None = None
        self._consuming = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start connecting in the background."""
        self._task = asyncio.create_task(self._stay_connected(), name="replies")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connection."""
        assert self._task
        await end_tasks([self._task])

    async def watch(self) -> None:
        """Wait for ever; raises what ended the waiting for replies, which nothing may end."""
        assert self._task, "enter it first"
        await asyncio.shield(self._task)

    async def ask(self, batch: Batch) -> dict[str, Any] | None:
        """Publish a batch and return the worker's reply; None when it is late.

        The reply is `{"batchId", "counts", "items", "usage"}`. Raises `Unavailable` (ingest.amqp.publish) when the
        broker did not take the batch.
        """
        correlation_id = uuid.uuid4().hex
        reply: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[correlation_id] = reply
        try:
            queue = await self._reply_queue()
            await self._publisher.publish(batch, reply_to=queue, correlation_id=correlation_id)
            if queue is None:
                return None
            async with asyncio.timeout(self._settings.reply_timeout_ms / 1000):
                return await reply
        except TimeoutError:
            return None
        finally:
            del self._waiting[correlation_id]

    async def _reply_queue(self) -> str | None:
        """Return the queue's name; waits for it while the broker is there, as when a process has just started."""
        if self._queue is None and self._publisher.ready() is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.reply_timeout_ms / 1000):
                    await self._consuming.wait()
        return self._queue

    async def _stay_connected(self) -> None:
        backoff = Backoff(FIRST_DELAY_S, LONGEST_DELAY_S)
        while True:
            try:
                await self._consume()
                backoff.reset()
            except AWAY as error:
                _log.warning("replies_away", error=f"{type(error).__name__}: {error}")
            await asyncio.sleep(backoff.delay())

    async def _consume(self) -> None:
        """Keep a queue until its channel is over; raises one of `AWAY` when it cannot be had."""
        link = await open_link(self._settings.amqp, process_name("api-replies"), HEARTBEAT_S)
        try:
            async with asyncio.timeout(_ANSWER_S):
                channel = await link.connection.channel(publisher_confirms=False)
                queue = (await channel.queue_declare(exclusive=True, auto_delete=True)).queue
                await channel.basic_consume(queue or "", self._take, no_ack=True)
            self._queue = queue
            self._consuming.set()
            await asyncio.wait((channel.closing,))
        finally:
            self._queue = None
            self._consuming.clear()
            await link.close()

    async def _take(self, message: DeliveredMessage) -> None:
        reply = self._waiting.get(message.header.properties.correlation_id or "")
        if reply is not None and not reply.done():
            reply.set_result(orjson.loads(message.body))
