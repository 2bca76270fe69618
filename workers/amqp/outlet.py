"""What a worker sends: replies to senders that wait, and batches of its own (released items), confirmed.

Replies are a courtesy: who does not get one reads the receipt instead. They are sent aside, and dropped when RabbitMQ
is away.
"""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import structlog
from aiormq.abc import AbstractChannel
from aiormq.exceptions import PublishError
from pamqp.commands import Basic

from schemas import metrics
from schemas.amqp.tap import AWAY
from schemas.batches import Batch
from schemas.errors import Transient
from schemas.topology import SHARDS_EXCHANGE, shard_of, slot_key, slot_of
from workers.amqp.broker import TIMEOUT_S, Broker
from workers.amqp.delivery import Delivery
from workers.apply import BatchResult

MOST_REPLIES_WAITING = 1_000
_log = structlog.get_logger()


class Outlet:
    """Publishes over a connection of its own; `run` sends the replies."""

    def __init__(self, broker: Broker, shards: int) -> None:
        self._broker = broker
        self._shards = shards
        self._replies: asyncio.Queue[tuple[str, str | None, bytes]] = asyncio.Queue(MOST_REPLIES_WAITING)
        self._channel: AbstractChannel | None = None
        self._opening = asyncio.Lock()

    async def reply(self, delivery: Delivery, result: BatchResult) -> None:
        """Send a batch's result to the queue that its sender waits at; never waits, never fails."""
        if delivery.reply_to is None:
            return
        try:
            self._replies.put_nowait((delivery.reply_to, delivery.correlation_id, orjson.dumps(reply_of(result))))
        except asyncio.QueueFull:
            _log.warning("reply_dropped", batch_id=str(delivery.batch.batch_id))

    async def run(self) -> None:
        """Send replies as they come."""
        while True:
            reply_to, correlation_id, body = await self._replies.get()
            properties = Basic.Properties(
                content_type="application/json", correlation_id=correlation_id, delivery_mode=1
            )
            try:
                channel = await self._open()
                async with asyncio.timeout(TIMEOUT_S):
                    # A confirm tells nothing here: the sender may be gone, and then so is its queue.
                    await channel.basic_publish(body, routing_key=reply_to, properties=properties)
            except AWAY as error:
                _log.warning("reply_failed", error=f"{type(error).__name__}: {error}")

    async def publish(self, batch: Batch) -> None:
        """Put a batch on its feed's shard queue and wait for the confirm; raises `Transient`."""
        slot = slot_of(batch.feed_id, self._shards)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                try:
                    await self._publish(batch, slot)
                except PublishError:  # it came back: the slot was never used, or its queue was deleted
                    await self._broker.bind(slot)
                    await self._publish(batch, slot)
        except AWAY as error:
            raise Transient(f"rabbitmq: {type(error).__name__}: {error}") from error
        metrics.PUBLISHED.inc(shard_of(slot, self._shards))

    async def _publish(self, batch: Batch, slot: int) -> None:
        properties = Basic.Properties(content_type="application/json", delivery_mode=2, message_id=batch.batch_id.hex)
        channel = await self._open()
        await channel.basic_publish(
            batch.encode(), exchange=SHARDS_EXCHANGE, routing_key=slot_key(slot), properties=properties, mandatory=True
        )

    async def _open(self) -> AbstractChannel:
        async with self._opening:
            if self._channel is None or self._channel.is_closed:
                self._channel = await self._broker.channel(confirms=True)
            return self._channel


def reply_of(result: BatchResult) -> dict[str, Any]:
    """Return a reply's body: the batch's id, its outcomes counted and one by one, and the account's usage."""
    return {
        "batchId": str(result.batch.batch_id),
        "counts": {str(outcome): count for outcome, count in result.counts.items()},
        "items": result.items,
        "usage": result.usage,
    }
