"""What a worker sends goes over another channel once a queue has refused it: the refusal may be the channel's alone."""

import uuid

import pytest
from aiormq.abc import DeliveredMessage
from aiormq.exceptions import DeliveryError, PublishError
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from schemas.batches import Batch, Source
from schemas.errors import Transient
from workers.amqp.outlet import Outlet

BATCH = Batch(uuid.UUID(int=1), 1, 3, 0, Source.WEBHOOK, [])


class Channel:
    def __init__(self, error):
        self.error, self.is_closed, self.sent = error, False, 0

    async def basic_publish(self, *_, **__):
        self.sent += 1
        if self.error is not None:
            raise self.error

    async def close(self):
        self.is_closed = True


class Broker:
    """Opens the channels that it is given, and binds nothing."""

    def __init__(self, *errors):
        self.waiting, self.opened = [Channel(error) for error in errors], []

    async def channel(self, *, confirms):
        assert confirms
        self.opened.append(self.waiting.pop(0))
        return self.opened[-1]

    async def bind(self, _slot):
        self.opened[-1].error = None


async def test_after_a_refusal_another_channel_is_used_and_the_first_is_closed():
    broker = Broker(DeliveryError(None, Basic.Nack(1)), None)
    outlet = Outlet(broker, 8, 5)

    with pytest.raises(Transient):
        await outlet.publish(BATCH)
    await outlet.publish(BATCH)
    await outlet.publish(BATCH)

    assert [(True, 1), (False, 2)] == [(channel.is_closed, channel.sent) for channel in broker.opened]


async def test_a_message_that_came_back_is_sent_again_over_the_same_channel():
    returned = Basic.Return(312, "NO_ROUTE", "feedline.shards", "3")
    broker = Broker(PublishError(DeliveredMessage(returned, ContentHeader(), b"", None), Basic.Ack(1)))

    await Outlet(broker, 8, 5).publish(BATCH)

    assert [(False, 2)] == [(channel.is_closed, channel.sent) for channel in broker.opened]
