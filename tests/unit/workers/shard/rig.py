"""A pump with a consumer, a lock and an outlet of the test's own."""

from __future__ import annotations

import asyncio
import uuid
from collections import deque

from schemas.batches import Batch, Source
from schemas.errors import Transient
from schemas.settings import Settings
from workers.amqp.deliveries import Message
from workers.apply import BatchResult, Memory, WindowResult
from workers.clock import Clock
from workers.database import Away
from workers.health import Health
from workers.shard.border import Border
from workers.shard.pump import Pump
from workers.shard.signals import Signals
from workers.shard.state import State
from workers.shard.tools import Tools

SETTINGS = Settings(
    database_url="postgresql://localhost/x",
    amqp_url="amqp://localhost/x",
    secret_key="k" * 32,
    window_max_batches=2,
    window_max_age_ms=0,
)


def batch(number, feed=3):
    return Batch(uuid.UUID(int=number), 1, feed, number, Source.WEBHOOK, [{"externalId": "a"}])


class Log(list):
    """A list that tells when it grows."""

    def __init__(self):
        super().__init__()
        self.grown = asyncio.Event()

    def append(self, something):
        super().append(something)
        self.grown.set()


class Consumer:
    """A consumer that delivers what `deliver` says."""

    def __init__(self, rig):
        self.rig = rig
        self.raw = deque()
        self.over = self.cancelled = False

    def deliver(self, *numbers, feed=3):
        for number in numbers:
            self.deliver_message(number, batch(number, feed).encode())

    def deliver_message(self, number, body):
        self.raw.append(Message(number, False, self.rig.delivered_at, b"\0" * 14, body))
        self.rig.signals.wake.set()

    async def ack(self, tag):
        self.rig.did.append(("ack", tag))

    async def reject(self, tag):
        self.rig.did.append(("reject", tag))

    async def cancel(self):
        self.cancelled = True
        self.rig.did.append("cancel")
        if self.rig.cancel_fails:
            raise TimeoutError


class Lock:
    """A shard's lock that is held unless the test takes it away."""

    held, lost_at = True, None

    def __init__(self, rig):
        self.rig, self.border, self.known = rig, Border(3, 4), Memory().begin()

    async def connection(self):
        if not self.held:
            raise Away("away")
        return self

    def drop(self):
        self.rig.did.append("drop")

    def take_unreplicated(self):
        return self.rig.unreplicated.pop() if self.rig.unreplicated else False

    async def note_drain(self):
        self.rig.did.append("note")


class Outlet:
    """A way to RabbitMQ, which is away while the test says so."""

    def __init__(self, rig):
        self.rig, self.away = rig, False

    async def send_on(self, stray, shard):
        self._say("send on", stray.tag, shard)

    async def part(self, shard, homes):
        self._say("part", shard, homes)

    def _say(self, *what):
        if self.away:
            self.rig.did.append("away")
            raise Transient("away")
        self.rig.did.append(what)


class Rig:
    """A pump at work; `did` is what it did, in order; `results` what each try to apply raises, None for success."""

    def __init__(self):
        self.did, self.results, self.unreplicated = Log(), [], []
        self.applying = asyncio.Event()
        self.cancel_fails = False
        self.applied, self.delivered_at = [], 0.0
        self.hold = asyncio.Event()
        self.hold.set()
        self.signals = Signals()
        self.health = Health()
        self.consumer, self.lock, self.outlet = Consumer(self), Lock(self), Outlet(self)
        self.state = State(3, Clock(), "us")
        tools = Tools(SETTINGS, uuid.UUID(int=1), None, self.health, self.apply, None, self.outlet)
        self.other = tools.turns.of(lambda: None)
        self.pump = Pump(self.state, self.consumer, self.lock, tools, self.signals)
        self.task = asyncio.create_task(self.pump.run())

    async def apply(self, _, batches, *__):
        self.applying.set()
        await self.hold.wait()
        error = self.results.pop(0) if self.results else None
        self.did.append(("apply", *(one.received_ms for one in batches), type(error).__name__ if error else "ok"))
        if error is not None:
            raise error
        self.applied += batches
        return WindowResult([BatchResult(one, claimed=True) for one in batches])

    async def until(self, something):
        async with asyncio.timeout(60):
            while something not in self.did:
                self.did.grown.clear()
                await self.did.grown.wait()
