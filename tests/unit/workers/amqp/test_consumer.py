"""A consumer on a channel of the library's, without a broker."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pamqp.frame
import pytest
from pamqp.commands import Basic

from workers.amqp.consumer import Consumer
from workers.amqp.deliveries import Deliveries, Message


class Channel:
    """A channel whose cancel is sent and never answered."""

    number = 1

    def __init__(self):
        self.closing = asyncio.get_running_loop().create_future()
        self.on_consumer_cancel_callbacks = set()
        self.is_closed = False
        self.connection = SimpleNamespace(is_opened=True)
        self.answers = True

    async def basic_qos(self, **_):
        pass

    async def basic_consume(self, *_, **__):
        return SimpleNamespace(consumer_tag="tag")

    async def basic_cancel(self, *_, **__):
        if not self.answers:
            raise TimeoutError

    async def close(self):
        self.is_closed = True
        self.closing.set_result(None)
        if not self.answers:
            raise ConnectionResetError


@pytest.fixture
async def rig():
    """A consumer that has begun, its channel, and how often it rang."""
    channel, rings = Channel(), []
    consumer = Consumer(channel, Deliveries(lambda: 0.0, lambda _: None), lambda: rings.append(1))
    await consumer.start("queue", 8)
    return consumer, channel, rings


async def test_a_cancel_whose_answer_is_lost_counts_as_one(rig):
    consumer, channel, _ = rig
    channel.answers = False
    with pytest.raises(TimeoutError):
        await consumer.cancel()
    assert consumer.cancelled
    assert not await consumer.close()


async def test_a_close_that_the_broker_answered_is_told(rig):
    consumer, _, _ = rig
    assert await consumer.close()
    assert consumer.over


async def test_what_is_settled_is_written_at_once_and_on_a_closed_channel_nothing_is():
    written = []
    consumer = Consumer(Channel(), Deliveries(lambda: 0.0, written.append), lambda: None)
    await consumer.ack(7)
    await consumer.reject(8)
    assert [pamqp.frame.marshal(frame, 1) for frame in (Basic.Ack(7, True), Basic.Reject(8, False))] == written
    await consumer.close()
    await consumer.ack(9)
    assert 2 == len(written)


async def test_an_ack_over_a_lost_connection_ends_the_channel_and_rings():
    def write(_):
        raise ConnectionResetError

    rings = []
    consumer = Consumer(Channel(), Deliveries(lambda: 0.0, write), lambda: rings.append(1))
    await consumer.ack(7)
    assert consumer.over
    assert rings


async def test_a_cancel_by_the_broker_is_noticed_and_not_sent_again(rig):
    consumer, channel, rings = rig
    (callback,) = channel.on_consumer_cancel_callbacks
    callback(None)
    assert consumer.cancelled
    assert rings
    channel.answers = False
    await consumer.cancel()


async def test_deliveries_wait_in_their_order_with_the_time_of_the_last(rig):
    consumer, _, rings = rig
    assert consumer.delivered_at is None
    for tag in (1, 2):
        consumer._delivered(Message(tag, False, 10.0 + tag))
    assert [1, 2] == [message.tag for message in consumer.raw]
    assert (12.0, 2) == (consumer.delivered_at, len(rings))
