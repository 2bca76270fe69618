"""The two sides of the AMQP seam, and what each is compared with: a plain aio-pika publisher and consumer."""

from __future__ import annotations

import asyncio
import contextlib

import aio_pika
import pytest
from aio_pika.exceptions import AMQPError, DeliveryError, PublishError
from pydantic import SecretStr
from yarl import URL

from ingest.amqp.publish import Publisher, Unavailable
from schemas.amqp.tap import open_link
from schemas.declare import declare
from schemas.topology import shard_queue
from workers.amqp.broker import Broker
from workers.amqp.consumer import Consumer
from workers.clock import Clock
from workers.health import Health

FEED = 1  # of shard 1
LOST = (AMQPError, OSError, RuntimeError)


class Ours:
    """The publisher of the way in."""

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, settings):
        async with Publisher(settings, "conformance") as publisher:
            yield cls(publisher)

    def __init__(self, publisher):
        self._publisher = publisher

    async def publish(self, message_id, body=b"{}"):
        """Return what became of a message: confirmed, unroutable, full, timeout, blocked or disconnected."""
        try:
            await self._publisher.publish_message(FEED, message_id, body)
        except Unavailable as error:
            return error.reason
        return "confirmed"


class Plain:
    """aio-pika, told to confirm and to raise what is returned."""

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, settings):
        connection = await aio_pika.connect(settings.amqp)
        channel = await connection.channel(on_return_raises=True)
        await declare((await channel.get_underlay_channel()).connection, settings)
        yield cls(channel, settings.confirm_timeout_ms / 1000)
        with contextlib.suppress(*LOST, asyncio.CancelledError):
            await connection.close()

    def __init__(self, channel, timeout_s):
        self._channel, self._timeout_s = channel, timeout_s

    async def publish(self, message_id, body=b"{}"):
        message = aio_pika.Message(body, message_id=message_id, delivery_mode=2, content_type="application/json")
        try:
            await self._channel.default_exchange.publish(message, shard_queue(FEED), timeout=self._timeout_s)
        except PublishError:
            return "unroutable"
        except DeliveryError:
            return "full"
        except TimeoutError:
            return "timeout"
        except (*LOST, asyncio.CancelledError):
            return "disconnected"
        return "confirmed"


class OurConsumer:
    """A consumer of a worker."""

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, settings, prefetch):
        broker = Broker(settings, "conformance", Health(), Clock())
        woken = asyncio.Event()
        consumer = Consumer(*await broker.tapped_channel(), woken.set)
        await consumer.start(shard_queue(FEED), prefetch)
        yield cls(consumer, woken)
        await consumer.close()
        await broker.close()

    def __init__(self, consumer, woken):
        self._session, self._woken = consumer, woken
        self.ack, self.cancel, self.close = consumer.ack, consumer.cancel, consumer.close

    async def take(self, number):
        """Return the next deliveries as (tag, redelivered, message id, body)."""
        await self._until(lambda: len(self._session.raw) >= number)
        taken = [self._session.raw.popleft() for _ in range(number)]
        return [(one.tag, one.redelivered, one.properties.message_id, one.body) for one in taken]

    async def told_of_cancel(self):
        await self._until(lambda: self._session.cancelled)

    async def _until(self, condition):
        async with asyncio.timeout(120):
            while not condition():
                self._woken.clear()
                await self._woken.wait()


class PlainConsumer:
    """aio-pika's consumer."""

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, settings, prefetch):
        connection = await aio_pika.connect(settings.amqp)
        channel = await connection.channel(publisher_confirms=False)
        await declare((await channel.get_underlay_channel()).connection, settings)
        await channel.set_qos(prefetch_count=prefetch)
        queue = await channel.get_queue(shard_queue(FEED))
        consumer = cls(channel, queue)
        consumer.tag = await queue.consume(consumer.messages.put)
        yield consumer
        await connection.close()

    def __init__(self, channel, queue):
        self._channel, self._queue = channel, queue
        self.messages, self._cancelled = asyncio.Queue(), asyncio.Event()
        self.close = channel.close

    async def take(self, number):
        async with asyncio.timeout(120):
            taken = [await self.messages.get() for _ in range(number)]
        return [(one.delivery_tag, one.redelivered, one.message_id, one.body) for one in taken]

    async def ack(self, tag):
        channel = await self._channel.get_underlay_channel()
        await channel.basic_ack(tag, multiple=True)

    async def cancel(self):
        await self._queue.cancel(self.tag)

    async def told_of_cancel(self):
        channel = await self._channel.get_underlay_channel()
        async with asyncio.timeout(120):
            while self.tag in channel.consumers:  # noqa: ASYNC110 - aio-pika has no signal of it
                await asyncio.sleep(0.01)


@pytest.fixture
def database():
    """The address of no database: nothing here needs one."""
    return "postgresql://nobody@127.0.0.1:1/nothing"


@pytest.fixture
def amqp_url(two_shards):
    """Two shards are enough here; they stand already."""
    return two_shards


@pytest.fixture
def settings(settings):
    """They are told of."""
    return settings.model_copy(update={"shards": 2})


@pytest.fixture(params=[Ours, Plain], ids=["ours", "aio-pika"])
def publishers(request):
    """`async with publishers.opened(settings) as publisher`."""
    return request.param


@pytest.fixture(params=[OurConsumer, PlainConsumer], ids=["ours", "aio-pika"])
def consumers(request):
    """`async with consumers.opened(settings, prefetch) as consumer`."""
    return request.param


@pytest.fixture
async def declared(settings):
    """Settings of a virtual host that has its queues."""
    link = await open_link(settings.amqp, "declaring", 10)
    await declare(link.connection, settings)
    await link.close()
    return settings


class Cable:
    """A cable between client and broker: it can be cut, or left to hang silent."""

    def __init__(self, host, port):
        self._there = host, port
        self._ends = []
        self._talking = asyncio.Event()
        self._talking.set()

    async def plugged(self, reader, writer):
        far_reader, far_writer = await asyncio.open_connection(*self._there)
        self._ends += [writer, far_writer]
        with contextlib.suppress(OSError):
            await asyncio.gather(self._carry(reader, far_writer), self._carry(far_reader, writer))

    async def _carry(self, reader, writer):
        try:
            while data := await reader.read(65_536):
                await self._talking.wait()
                writer.write(data)
        finally:
            writer.close()

    def cut(self):
        """Break every connection at once."""
        self._talking.set()
        for end in self._ends:
            end.transport.abort()
        self._ends.clear()

    def hang(self):
        """Carry nothing any more, and say nothing of it."""
        self._talking.clear()


@pytest.fixture
async def cable(settings):
    """(settings whose broker is at the end of a cable, the cable)."""
    url = URL(settings.amqp)
    cable = Cable(url.host, url.port)
    server = await asyncio.start_server(cable.plugged, "127.0.0.1", 0)
    through = str(url.with_port(server.sockets[0].getsockname()[1]))
    yield settings.model_copy(update={"amqp_url": SecretStr(through)}), cable
    server.close()
    cable.cut()
