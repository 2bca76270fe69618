"""A worker's AMQP connections: made when needed, made again when lost, never silently half-alive.

aiormq, the layer below aio-pika, is used as it is: a connection that breaks is over, and so is every channel on it;
owners see that and ask for a new channel. aio-pika's robust connections mend themselves out of sight, and are
known to come back without consuming.

Deliveries and publishes go over different connections, because RabbitMQ stops reading from a publishing connection
while memory or disk is short (https://www.rabbitmq.com/docs/connection-blocked), and acks must still get through then.
"""

from __future__ import annotations

import asyncio

from aiormq.abc import AbstractChannel

from schemas.amqp.tap import AWAY, Link, open_link
from schemas.backoff import Backoff
from schemas.declare import bind, declare
from schemas.division import Division
from schemas.logs import structlog
from schemas.settings import Settings
from workers.amqp.deliveries import Deliveries
from workers.clock import Clock
from workers.health import Health

HEARTBEAT_S = 3
"""The broker drops a silent peer after two to three of these, 9 s at most: its deliveries then return."""
TIMEOUT_S = 10.0
_log = structlog.get_logger()


class Broker:
    """One AMQP connection that is made again when it is needed and lost."""

    def __init__(self, settings: Settings, name: str, health: Health, clock: Clock) -> None:
        self._settings = settings
        self.division = Division(settings.shards)
        """The shards whose queues are declared, and slots bound to; follows a doubling."""
        self._name = name
        self._health = health
        self._monotonic = clock.monotonic
        self._link: tuple[Link, Deliveries] | None = None
        self._opening = asyncio.Lock()

    async def channel(self, *, confirms: bool = False) -> AbstractChannel:
        """Return a new channel, waiting for RabbitMQ for as long as it is away.

        Raises `Permanent` when the live topology is not what it must be.
        """
        channel, _ = await self.tapped_channel(confirms=confirms)
        return channel

    async def tapped_channel(self, *, confirms: bool = False) -> tuple[AbstractChannel, Deliveries]:
        """Do as `channel` does, with what hands over the deliveries of its connection."""
        backoff = Backoff()
        while True:
            try:
                link, deliveries = await self._opened()
                channel = await link.connection.channel(publisher_confirms=confirms, timeout=TIMEOUT_S)
            except AWAY as error:
                if (task := asyncio.current_task()) is not None and task.cancelling():
                    raise asyncio.CancelledError from error  # aiormq may answer a cancellation with an error of its own
                self._health.trouble("rabbitmq", self._name, error)
                await asyncio.sleep(backoff.delay())
            else:
                self._health.well("rabbitmq", self._name)
                return channel, deliveries

    async def declare(self) -> None:
        """Declare the topology anew: a queue was deleted. Raises one of `AWAY`, or `Permanent`."""
        link, _ = await self._opened()
        await self._declare(link)

    async def bind(self, slot: int) -> None:
        """Bind a slot to its shard's queue: what was published there came back. Raises as `declare` does."""
        link, _ = await self._opened()
        async with asyncio.timeout(TIMEOUT_S):
            await bind(link.connection, self._declared, slot, self.division.shard_of(slot))

    async def close(self) -> None:
        """Close the connection; unacked deliveries return to their queues."""
        if self._link is not None:
            await self._link[0].close(TIMEOUT_S)

    @property
    def _declared(self) -> Settings:
        return self._settings.model_copy(update={"shards": self.division.shards})

    async def _opened(self) -> tuple[Link, Deliveries]:
        async with self._opening:
            if self._link is not None and self._link[0].is_open:
                return self._link
            async with asyncio.timeout(TIMEOUT_S):
                link = await open_link(self._settings.amqp, self._name, HEARTBEAT_S)
            try:
                await self._declare(link)
            except BaseException:
                await link.close()
                raise
            deliveries = Deliveries(self._monotonic, link.tap.write)
            link.tap.attach(deliveries.take, take_whole=deliveries.take_whole)
            self._link = link, deliveries
            _log.info("rabbitmq_connected", connection=self._name)
            return self._link

    async def _declare(self, link: Link) -> None:
        async with asyncio.timeout(TIMEOUT_S * 3):
            if sick := await declare(link.connection, self._declared):
                _log.error("queues_sick", queues=sick)
