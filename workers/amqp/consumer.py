"""One consumer on one channel: deliveries in the broker's order, acks, and how it ends.

Deliveries are kept as they came until a window is built, because a decoded batch takes several times the memory.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from aiormq.abc import AbstractChannel, DeliveredMessage
from aiormq.exceptions import ChannelNotFoundEntity

from schemas.amqp.tap import AWAY
from workers.amqp.broker import TIMEOUT_S
from workers.amqp.deliveries import Deliveries, Message


class QueueGone(Exception):
    """The queue does not exist (any more): declare it and consume again."""


class Consumer:
    """A consumer on a channel; `wake` is called whenever there is something new to look at."""

    def __init__(self, channel: AbstractChannel, deliveries: Deliveries, wake: Callable[[], None]) -> None:
        self._channel = channel
        self._deliveries = deliveries
        self._wake = wake
        self._tag: str | None = None
        self.delivered_at: float | None = None
        """When the last delivery came (monotonic seconds)."""
        self.raw: deque[Message] = deque()
        """Deliveries, oldest first."""
        self.cancelled = False
        """No more deliveries will come: we cancelled the consumer, or the broker did."""
        channel.closing.add_done_callback(self._over)

    @property
    def over(self) -> bool:
        """Whether the channel is closed: what is in hand is no longer ours to ack."""
        return self._channel.is_closed

    async def start(self, queue: str, prefetch: int) -> None:
        """Begin to consume; raises `QueueGone`, or one of `AWAY`.

        The prefetch is per consumer: quorum queues know no global one.
        """
        self._channel.on_consumer_cancel_callbacks.add(self._cancelled_by_broker)
        self._deliveries.register(self._channel.number, self._delivered)
        await self._channel.basic_qos(prefetch_count=prefetch, timeout=TIMEOUT_S)
        try:
            started = await self._channel.basic_consume(queue, _unused, timeout=TIMEOUT_S)
        except ChannelNotFoundEntity as error:
            raise QueueGone(str(error)) from None
        self._tag = started.consumer_tag

    async def cancel(self) -> None:
        """Stop the deliveries; what is in hand stays in hand. Raises one of `AWAY`.

        Counts as done from the moment at which it is sent: if the answer is lost the broker may have done it, and
        would deliver what comes after what we hold to the next consumer.
        """
        if self._tag is not None and not self.cancelled:
            self.cancelled = True
            await self._channel.basic_cancel(self._tag, timeout=TIMEOUT_S)
        self.cancelled = True

    async def ack(self, tag: int) -> None:
        """Ack everything up to a delivery tag; on a closed channel there is nothing to do: they will come again."""
        await self._settle(self._deliveries.ack, tag)

    async def reject(self, tag: int) -> None:
        """Hand one delivery to the dead exchange."""
        await self._settle(self._deliveries.reject, tag)

    async def close(self) -> bool:
        """Close the channel, and return whether the broker surely knows.

        Waits for its answer: acks sent before have then been taken, and what was not acked is back in the queue.
        """
        self._deliveries.unregister(self._channel.number, self._delivered)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await self._channel.close()
        except AWAY:
            return False
        return self._channel.connection.is_opened

    async def _settle(self, settle: Callable[[int, int], None], tag: int) -> None:
        if self.over:
            return
        try:
            settle(self._channel.number, tag)
        except AWAY:
            await self.close()
            self._wake()

    def _delivered(self, message: Message) -> None:
        self.delivered_at = message.at
        self.raw.append(message)
        self._wake()

    def _cancelled_by_broker(self, _: Any) -> None:
        self.cancelled = True
        self._wake()

    def _over(self, closing: asyncio.Future[Any]) -> None:
        if not closing.cancelled():
            closing.exception()
        self._wake()


async def _unused(_: DeliveredMessage) -> None:
    """Stand where the library wants a callback: the tap leaves it nothing to deliver."""
