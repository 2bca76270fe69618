"""What RabbitMQ says of the shard queues over AMQP."""

from __future__ import annotations

import asyncio

from aiormq.abc import AbstractChannel
from aiormq.exceptions import ChannelNotFoundEntity

from schemas.amqp.tap import AWAY
from schemas.division import Division
from schemas.logs import structlog
from schemas.topology import shard_queue
from workers.amqp.broker import Broker
from workers.watch.lateness import Queue

_ASK_S = 5.0
_log = structlog.get_logger()


class Queues:
    """Asks for every shard's queue over one channel."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._channel: AbstractChannel | None = None

    async def look(self, division: Division) -> dict[int, Queue] | None:
        """Return what the queue of each open shard holds (one that is gone: nothing, of nobody).

        None while RabbitMQ is away.
        """
        try:
            async with asyncio.timeout(_ASK_S):
                self._broker.division = division
                return {shard: await self._of(shard) for shard in division.open}
        except AWAY as error:
            _log.warning("broker_not_seen", error=f"{type(error).__name__}: {error}")
            return None

    async def _of(self, shard: int) -> Queue:
        if self._channel is None or self._channel.is_closed:
            self._channel = await self._broker.channel()
        try:
            found = await self._channel.queue_declare(shard_queue(shard), passive=True)
        except ChannelNotFoundEntity:
            return Queue(0, 0)
        return Queue(found.message_count or 0, found.consumer_count or 0)
