"""The pump of one shard: what it does with deliveries, failures and requests to stop. Pure but for the event loop."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import deque
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
import structlog

from schemas.batches import Batch, Source
from schemas.division import Division, end_message
from schemas.errors import Transient
from schemas.settings import Settings
from workers.amqp.deliveries import Message
from workers.apply import BatchResult, WindowResult
from workers.clock import Clock
from workers.database import Away
from workers.health import Health
from workers.shard.border import Border
from workers.shard.flight import GivenUp
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
        self.rig, self.border = rig, Border(3, 4)

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

    async def apply(self, _, batches, __):
        self.applying.set()
        await self.hold.wait()
        error = self.results.pop(0) if self.results else None
        self.did.append(("apply", *(one.received_ms for one in batches), type(error).__name__ if error else "ok"))
        if error is not None:
            raise error
        self.applied += batches
        return WindowResult([BatchResult(one, claimed=True) for one in batches])

    async def until(self, something):
        async with asyncio.timeout(5):
            while something not in self.did:
                self.did.grown.clear()
                await self.did.grown.wait()


async def turns_of_the_loop():
    """Let everything go on that can."""
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
async def rig():
    rig = Rig()
    yield rig
    rig.task.cancel()
    await asyncio.gather(rig.task, return_exceptions=True)


async def test_windows_are_applied_in_order_and_acked_after_their_commit(rig):
    rig.consumer.deliver(1, 2, 3)
    await rig.until(("ack", 3))
    assert [("apply", 1, 2, "ok"), ("ack", 2), ("apply", 3, "ok"), ("ack", 3)] == rig.did
    rig.signals.stopping.set()
    await asyncio.wait_for(rig.task, 5)
    assert rig.pump.empty
    assert 3 == int(rig.state.passed_at.timestamp() * 1000)


async def test_a_batch_knows_when_it_was_delivered(rig):
    before = datetime.now(UTC).timestamp() * 1000
    rig.delivered_at = time.monotonic()
    rig.consumer.deliver(1)
    await rig.until(("ack", 1))
    (batch,) = rig.applied

    assert before - 2 <= batch.delivered_ms <= datetime.now(UTC).timestamp() * 1000


async def test_the_log_tells_at_debug_which_batches_were_committed_and_acked_when(rig):
    with structlog.testing.capture_logs() as logged:
        rig.consumer.deliver(1, 2)
        await rig.until(("ack", 2))
        await rig.pump._flight

    (told,) = [event for event in logged if event["event"] == "window_committed"]
    assert [str(uuid.UUID(int=number)) for number in (1, 2)] == told["batch_ids"]
    assert told["at"] <= told["acked_at"]


async def test_a_window_fills_while_another_shard_has_the_turn_and_goes_when_it_is_given_back(rig):
    rig.other.take()
    rig.consumer.deliver(1)
    await turns_of_the_loop()
    assert [1] == [one.received_ms for one in rig.pump.in_hand]
    rig.consumer.deliver(2, 3)
    await turns_of_the_loop()
    rig.other.leave()
    await rig.until(("ack", 3))
    assert [("apply", 1, 2, "ok"), ("ack", 2), ("apply", 3, "ok"), ("ack", 3)] == rig.did
    rig.signals.stopping.set()
    await asyncio.wait_for(rig.task, 5)
    assert rig.other.take(), "the pump gave its turn back"


async def test_a_window_that_postgres_does_not_take_is_kept_and_tried_again_on_the_same_session(rig):
    rig.results = [Transient("crowded")]
    rig.consumer.deliver(1)
    await rig.until(("ack", 1))
    assert [("apply", 1, "Transient"), ("apply", 1, "ok"), ("ack", 1)] == rig.did
    assert rig.health.ready() is None


async def test_a_commit_that_the_standby_did_not_take_is_not_acked_until_it_has(rig):
    rig.unreplicated = [True]
    rig.consumer.deliver(1)
    await rig.until(("ack", 1))
    assert [("apply", 1, "ok"), ("apply", 1, "ok"), ("ack", 1)] == rig.did


async def test_what_is_no_batch_goes_to_the_dead_exchange_and_stops_nothing(rig):
    rig.consumer.raw.append(Message(1, False, 0.0, b"\0" * 14, b"no batch"))
    rig.consumer.deliver(2)
    await rig.until(("ack", 2))
    assert ("reject", 1) == rig.did[0]


async def test_asked_to_stop_it_notes_the_drain_before_the_cancel_and_ends_when_nothing_is_in_hand(rig):
    rig.hold.clear()
    rig.consumer.deliver(1, 2, 3)
    await rig.applying.wait()
    rig.signals.stopping.set()
    rig.signals.wake.set()
    rig.hold.set()
    await asyncio.wait_for(rig.task, 5)
    assert [("apply", 1, 2, "ok"), "note", "cancel", ("ack", 2), ("apply", 3, "ok"), ("ack", 3)] == rig.did
    assert rig.pump.drained


async def test_a_cancel_whose_answer_is_lost_is_no_drain_although_nothing_is_in_hand(rig):
    rig.cancel_fails = True
    rig.signals.stopping.set()
    rig.signals.wake.set()
    await asyncio.wait_for(rig.task, 5)
    assert not rig.pump.drained


async def test_asked_to_abandon_it_gives_back_at_once_what_is_in_flight_too(rig):
    rig.hold.clear()
    rig.consumer.deliver(1, 2, 3)
    await rig.applying.wait()
    rig.signals.abandoned = "held for dead"
    rig.signals.wake.set()
    with pytest.raises(GivenUp, match="held for dead"):
        await asyncio.wait_for(rig.task, 5)
    assert [] == rig.did


async def test_a_closed_channel_ends_it_after_the_window_in_flight(rig):
    rig.hold.clear()
    rig.consumer.deliver(1)
    await rig.applying.wait()
    rig.consumer.over = True
    rig.signals.wake.set()
    rig.hold.set()
    await asyncio.wait_for(rig.task, 5)
    assert ("apply", 1, "ok") in rig.did


async def test_what_is_in_hand_is_told_oldest_first(rig):
    rig.hold.clear()
    rig.consumer.deliver(1, 2, 3)
    await rig.applying.wait()
    row = rig.state.row(rig.pump.in_hand, ("postgres", "away"))
    assert (1, [{"feedId": 3, "batches": 2}], "postgres", "away") == (
        int(row["oldest_at"].timestamp() * 1000),
        row["feeds"],
        row["waits_for"],
        row["waits_reason"],
    )
    rig.hold.set()


@pytest.fixture
def splits(monkeypatch, rig):
    """Postgres' word of a doubling from 4 to 8: what shards `end_split` opened; the border follows it."""
    opened = []

    async def end_split(_, shard):
        rig.did.append(("open", shard))
        opened.append(shard)

    async def division(_):
        return Division(8, frozenset(range(4, 8)) - set(opened)) if opened else None

    monkeypatch.setattr("workers.shard.strays.SHARD", SimpleNamespace(end_split=end_split))
    monkeypatch.setattr("workers.shard.border.division", division)
    return opened


async def test_what_is_before_end_is_applied_and_what_is_behind_it_of_the_new_shard_is_sent_on(rig, splits):
    rig.consumer.deliver(1, feed=3)
    rig.consumer.deliver(2, feed=7)
    rig.consumer.deliver_message(3, end_message(8))
    rig.consumer.deliver(4, feed=7)
    rig.consumer.deliver(5, feed=3)
    await rig.until(("ack", 5))

    parted = {slot: 7 for slot in range(256) if slot % 8 == 7}
    assert [
        ("apply", 1, 2, "ok"),
        ("ack", 2),
        ("open", 7),
        ("part", 3, parted),
        ("ack", 3),
        ("send on", 4, 7),
        ("apply", 5, "ok"),
        ("ack", 5),
    ] == rig.did


async def test_end_of_a_doubling_that_is_over_opens_nothing(rig, splits):
    rig.lock.border.modulus = 8
    rig.consumer.deliver_message(1, end_message(8))
    rig.consumer.deliver_message(2, end_message(4))
    await rig.until(("ack", 2))

    assert [] == splits


async def test_a_stray_waits_while_rabbitmq_is_away_and_nothing_overtakes_it(rig):
    rig.outlet.away = True
    rig.consumer.deliver(1, feed=5)
    rig.consumer.deliver(2)
    await rig.until("away")
    assert "away" == rig.health.of("shard 3")[1].partition(": ")[2]

    rig.outlet.away = False
    await rig.until(("ack", 2))
    done = [what for what in rig.did if what != "away"]
    assert [("send on", 1, 1), ("part", 3, {5: 1}), ("apply", 2, "ok"), ("ack", 2)] == done


async def test_a_pump_that_is_stopped_before_end_passes_it_first(rig, splits):
    rig.consumer.deliver_message(1, end_message(8))
    rig.signals.stopping.set()
    rig.signals.wake.set()
    await asyncio.wait_for(rig.task, 5)

    assert ([7], True) == (splits, rig.pump.drained)
