"""What a worker sends: replies to senders that wait, and, confirmed, batches: its own (released items), and strays.

Replies are a courtesy: who does not get one reads the receipt instead. They are sent aside, and dropped when RabbitMQ
is away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import orjson
from aiormq.abc import AbstractChannel
from aiormq.exceptions import DeliveryError, PublishError
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from schemas import metrics
from schemas.amqp.tap import AWAY
from schemas.batches import Batch
from schemas.division import Division, end_message
from schemas.errors import Transient
from schemas.logs import structlog
from schemas.topology import SHARDS_EXCHANGE, shard_queue, slot_key, slot_of
from workers.amqp import slots
from workers.amqp.broker import TIMEOUT_S, Broker
from workers.amqp.delivery import Delivery
from workers.apply import BatchResult

MOST_REPLIES_WAITING = 1_000
_log = structlog.get_logger()


class Outlet:
    """Publishes over a connection of its own; `run` sends the replies."""

    def __init__(self, broker: Broker, shards: int, confirm_timeout_s: float) -> None:
        """No batch is on its way to its queue for longer than `confirm_timeout_s` without counting as not sent."""
        self._broker = broker
        self._division = Division(shards)
        self._confirm_s = confirm_timeout_s
        self._replies: asyncio.Queue[tuple[str, str | None, bytes]] = asyncio.Queue(MOST_REPLIES_WAITING)
        self._channel: AbstractChannel | None = None
        self._opening = asyncio.Lock()

    def follow(self, division: Division) -> None:
        """Take note of how feeds are divided among shards."""
        self._division = self._broker.division = division

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
        slot = slot_of(batch.feed_id, self._division.shards)
        way = SHARDS_EXCHANGE, slot_key(slot)
        with _reaching():
            try:
                await self._send(way, batch.encode(), _properties(batch))
            except PublishError:  # it came back: the slot was never used, or its queue was deleted
                await self._broker.bind(slot)
                await self._send(way, batch.encode(), _properties(batch))
        metrics.PUBLISHED.inc(self._division.shard_of(slot))

    async def send_on(self, stray: Delivery, shard: int) -> None:
        """Put a batch that is another shard's into that one's queue, as it is, and wait for the confirm."""
        assert stray.message is not None, "only a stray keeps its message"
        with _reaching():
            content = ContentHeader()
            content.unmarshal(stray.properties)
            await self._to_queue(shard, stray.message, content.properties)

    async def mark(self, shard: int, shards: int) -> None:
        """Put END into a shard's queue and wait for the confirm; raises `Transient`."""
        with _reaching():
            await self._to_queue(shard, end_message(shards), Basic.Properties(delivery_mode=2))

    async def lead(self, homes: Mapping[int, int]) -> None:
        """Have slots lead to these shards too; raises `Transient`."""
        with _reaching():
            await self._broker.declare()
            channel = await self._broker.channel()
            async with asyncio.timeout(TIMEOUT_S):
                await slots.lead(channel, homes)
                await channel.close()

    async def part(self, shard: int, homes: Mapping[int, int]) -> None:
        """Have slots lead to their own shards, and not to this one any more; raises `Transient`."""
        with _reaching():
            channel = await self._broker.channel()
            async with asyncio.timeout(TIMEOUT_S):
                await slots.part(channel, shard, homes)
                await channel.close()

    async def _to_queue(self, shard: int, body: bytes, properties: Basic.Properties) -> None:
        """Publish past the exchange, to the queue of a shard, which is made anew if it is gone."""
        try:
            await self._send(("", shard_queue(shard)), body, properties)
        except PublishError:
            await self._broker.declare()
            await self._send(("", shard_queue(shard)), body, properties)

    async def _send(self, way: tuple[str, str], body: bytes, properties: Basic.Properties) -> None:
        exchange, key = way
        async with asyncio.timeout(self._confirm_s):
            channel = await self._open()
            try:
                await channel.basic_publish(
                    body, exchange=exchange, routing_key=key, properties=properties, mandatory=True
                )
            except DeliveryError as error:
                if not isinstance(error, PublishError):
                    await self._leave(channel)
                raise

    async def _leave(self, channel: AbstractChannel) -> None:
        """Send over another channel from now on: a queue refused what this one sent.

        It may be full. But if its leader's node had just died when this channel first sent to it, RabbitMQ 3.10 refuses
        that for as long as the channel lives, though the queue has a new leader.
        """
        if self._channel is channel:
            self._channel = None
        with suppress(*AWAY):
            await channel.close()

    async def _open(self) -> AbstractChannel:
        async with self._opening:
            if self._channel is None or self._channel.is_closed:
                self._channel = await self._broker.channel(confirms=True)
            return self._channel


def _properties(batch: Batch) -> Basic.Properties:
    return Basic.Properties(content_type="application/json", delivery_mode=2, message_id=batch.batch_id.hex)


@contextmanager
def _reaching() -> Iterator[None]:
    """Raise `Transient` in place of what a RabbitMQ that is away, or takes nothing, makes aiormq raise."""
    try:
        yield
    except AWAY as error:
        raise Transient(f"rabbitmq: {type(error).__name__}: {error}") from error


def reply_of(result: BatchResult) -> dict[str, Any]:
    """Return a reply's body: the batch's id, its outcomes counted and one by one, and the account's usage."""
    return {
        "batchId": str(result.batch.batch_id),
        "counts": {str(outcome): count for outcome, count in result.counts.items()},
        "items": result.items,
        "usage": result.usage,
    }
