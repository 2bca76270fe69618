"""The owner of one shard: what it holds and gives back, without Postgres and without a broker."""

from __future__ import annotations

import asyncio
import uuid
from types import SimpleNamespace

import pytest
from aiormq.exceptions import ChannelNotFoundEntity

from schemas.settings import Settings
from workers.amqp.deliveries import Deliveries
from workers.clock import Clock
from workers.health import Health
from workers.shard.border import Border
from workers.shard.owner import ShardOwner, prefetch_of
from workers.shard.tools import Tools

SETTINGS = Settings(
    database_url="postgresql://localhost/x", amqp_url="amqp://localhost/x", secret_key="k" * 32, window_max_batches=5
)


class Channel:
    """A channel of the library's; `answers` False is a broker that takes everything and says nothing."""

    number = 1

    def __init__(self, rig):
        self.rig = rig
        self.closing = asyncio.get_running_loop().create_future()
        self.on_consumer_cancel_callbacks = set()
        self.is_closed = False
        self.connection = SimpleNamespace(is_opened=True)

    async def basic_qos(self, **_):
        pass

    async def basic_consume(self, queue, *_, **__):
        if self.rig.gone:
            self.rig.gone = False
            raise ChannelNotFoundEntity("no queue")
        self.rig.say(f"consume {queue}")
        return SimpleNamespace(consumer_tag="tag")

    async def basic_cancel(self, *_, **__):
        self.rig.say("cancel")
        if not self.rig.answers:
            raise TimeoutError

    async def close(self):
        self.rig.say("close")
        self.is_closed = True
        if not self.closing.done():
            self.closing.set_result(None)
        if not self.rig.answers:
            raise ConnectionResetError


class Lock:
    """A shard's lock that is had at once."""

    lost_at = waits_for = None

    def __init__(self, rig):
        self.rig, self.held = rig, False
        self.border = Border(3, 8)

    async def acquire(self):
        if not self.held:
            self.rig.say("lock")
        self.held = True

    def drop(self):
        self.rig.say("drop")
        self.held = False

    async def note_drain(self):
        self.rig.say("note")

    async def release(self, *, keep_note):
        self.rig.say("release, note kept" if keep_note else "release")


class Rig:
    """An owner at work on shard 3; `said` is what it did, in order."""

    def __init__(self):
        self.said, self.grown = [], asyncio.Event()
        self.answers, self.gone, self.seconds = True, False, 0.0
        self.reachable = asyncio.Event()
        self.reachable.set()
        tools = Tools(
            SETTINGS, uuid.UUID(int=1), self, Health(), None, None, None, Clock(monotonic=lambda: self.seconds)
        )
        self.owner = ShardOwner(3, lambda *_: Lock(self), tools)
        self.owner._backoff.jitter = lambda: 0.0
        self.owner._backoff.first_s = 0.0

    def say(self, what):
        self.said.append(what)
        self.grown.set()

    async def tapped_channel(self):
        await self.reachable.wait()
        return Channel(self), Deliveries(lambda: 0.0, lambda _: None)

    async def declare(self):
        self.say("declare")

    async def until(self, what, times=1):
        async with asyncio.timeout(60):
            while self.said.count(what) < times:
                self.grown.clear()
                await self.grown.wait()
        for _ in range(5):
            await asyncio.sleep(0)  # what the owner does after it has been answered


@pytest.fixture
async def rig():
    rig = Rig()
    rig.task = asyncio.create_task(rig.owner.run())
    yield rig
    rig.task.cancel()
    await asyncio.gather(rig.task, return_exceptions=True)


async def test_it_locks_before_it_consumes_and_hands_over_in_order(rig):
    await rig.until("consume feedline.shard.003")
    rig.owner.stop()
    await asyncio.wait_for(rig.task, 60)
    assert ["lock", "consume feedline.shard.003", "note", "cancel", "close", "release"] == rig.said


async def test_the_note_stays_when_nobody_knows_what_the_broker_still_holds(rig):
    await rig.until("consume feedline.shard.003")
    rig.answers = False
    rig.owner.stop()
    await asyncio.wait_for(rig.task, 60)
    assert "release, note kept" == rig.said[-1]


async def test_it_abandons_its_lock_at_once_although_rabbitmq_does_not_answer(rig):
    rig.reachable.clear()
    await rig.until("lock")
    rig.owner.abandon("RabbitMQ does not answer")
    await asyncio.wait_for(rig.task, 60)
    assert ["lock", "drop", "release"] == rig.said


async def test_a_queue_that_is_gone_is_declared_and_consumed_and_the_lock_is_kept(rig):
    rig.gone = True
    await rig.until("consume feedline.shard.003")
    assert ["lock", "close", "declare", "consume feedline.shard.003"] == rig.said
    assert rig.owner.state()["gone_at"] is not None


async def test_consuming_anew_leaves_it_as_hungry_as_it_was(rig):
    await rig.until("consume feedline.shard.003")
    rig.seconds = 7.0
    assert 7.0 == rig.owner.hungry_s()
    rig.owner.renew("messages wait")
    await rig.until("consume feedline.shard.003", times=2)
    assert 7.0 == rig.owner.hungry_s()
    rig.owner.found_empty(Clock().now())
    assert 0.0 == rig.owner.hungry_s()


def test_a_window_in_flight_and_the_better_part_of_the_next_are_in_hand():
    assert 8 == prefetch_of(SETTINGS)
