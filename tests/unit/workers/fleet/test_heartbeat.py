"""The heartbeat of one worker: when it joins, when it holds itself for dead, when it leaves. Postgres is a stand-in."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from schemas.settings import Settings
from workers import database
from workers.clock import Clock
from workers.fleet import heartbeat
from workers.fleet.heartbeat import Heartbeat, Listeners
from workers.health import Health

US, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)
SETTINGS = Settings(
    database_url="postgresql://localhost/x",
    amqp_url="amqp://localhost/x",
    secret_key="k" * 32,
    heartbeat_ms=1_000,
    heartbeat_timeout_ms=5_000,
)


class Statements:
    """Takes the place of fleet.sql: a live list, and what was said to it in order."""

    def __init__(self):
        self.listed, self.others, self.said, self.away = False, [], [], False

    def _say(self, what):
        if self.away:
            raise database.Away("away")
        self.said.append(what)

    async def join(self, _, **__):
        self._say("join")
        self.listed = True

    async def beat(self, _, **__):
        self._say("beat")
        for row in [{"id": US, "fresh": True}] * self.listed + self.others:
            yield row

    async def bury(self, _, **__):
        self._say("bury")
        for row in [row for row in self.others if not row["fresh"]]:
            yield row

    async def leave(self, _, **__):
        self._say("leave")
        self.listed = False

    async def stop_soon(self, _, **__):
        self._say("stop_soon")

    async def keep_state(self, _, **__):
        self._say("keep_state")

    async def tell_workers(self, _):
        pass


class Connection:
    """A connection that is never closed."""

    def is_closed(self):
        return False

    def terminate(self):
        pass

    async def add_listener(self, *_):
        pass


class Rig:
    """A heartbeat whose turns the test takes; `told` is what the fleet was told."""

    def __init__(self, statements):
        self.sql, self.told, self.seconds, self.fit, self.states = statements, [], 0.0, True, []
        listeners = Listeners(
            lambda live: self.told.append(sorted(live)), self.told.append, lambda: self.fit, lambda: self.states
        )
        self.heart = Heartbeat(SETTINGS, US, Health(), listeners, Clock(lambda: self.seconds))

    async def turn(self, at):
        self.seconds = at
        await self.heart._beat_if_fit()


async def settle():
    """Let the heartbeat's own loop run until it waits."""
    for _ in range(50):
        await asyncio.sleep(0)


@pytest.fixture
def rig(monkeypatch):
    statements = Statements()
    monkeypatch.setattr(heartbeat, "FLEET", statements)

    async def connect(*_, **__):
        if statements.away:
            raise database.Away("away")
        return Connection()

    monkeypatch.setattr(database, "open_connection", connect)
    return Rig(statements)


async def test_it_joins_once_and_beats_from_then_on(rig):
    await rig.turn(0)
    await rig.turn(1)
    assert ["join", "beat", "beat"] == rig.sql.said
    assert [[US], [US]] == rig.told


async def test_who_is_missing_in_the_list_was_buried_gives_everything_back_and_joins_anew(rig):
    await rig.turn(0)
    rig.sql.listed = False
    await rig.turn(1)
    assert "the others have buried us" == rig.told[-1]
    await rig.turn(1)
    assert [US] == rig.told[-1]


async def test_a_worker_that_rabbitmq_does_not_answer_leaves_and_joins_when_it_does(rig):
    await rig.turn(0)
    rig.fit = False
    await rig.turn(1)
    await rig.turn(2)
    assert (["join", "beat", "leave"], "RabbitMQ does not answer") == (rig.sql.said, rig.told[-1])
    rig.fit = True
    await rig.turn(3)
    assert [US] == rig.told[-1]


async def test_a_worker_that_never_reached_rabbitmq_is_in_no_list(rig):
    rig.fit = False
    await rig.turn(0)
    assert [] == rig.sql.said


async def test_the_dead_are_buried_but_not_right_after_an_absence_of_our_own(rig):
    rig.sql.others = [{"id": OTHER, "fresh": False}]
    await rig.turn(0)
    assert ("bury", [US]) == (rig.sql.said[-1], rig.told[-1])
    rig.sql.said.clear()
    await rig.turn(6)
    assert ("beat", [US, OTHER]) == (rig.sql.said[-1], rig.told[-1])
    await rig.turn(9)
    await rig.turn(11.5)
    assert "bury" == rig.sql.said[-1]


async def test_postgres_away_for_longer_than_the_lease_means_that_we_are_dead_and_says_so_once(rig):
    beating = asyncio.create_task(rig.heart.run())
    await settle()
    rig.sql.away = True
    rig.seconds = 4.9
    rig.heart.wake()
    await settle()
    assert [[US]] == rig.told
    for _ in range(3):
        rig.seconds += 1.0
        rig.heart.wake()
        await settle()
    assert ["no heartbeat of ours has reached Postgres for too long"] == rig.told[1:]
    beating.cancel()
    await asyncio.gather(beating, return_exceptions=True)


async def test_after_a_stop_nothing_beats_and_nobody_is_told(rig):
    await rig.turn(0)
    await rig.heart.stop_soon(10)
    await rig.turn(1)
    assert ["join", "beat", "stop_soon"] == rig.sql.said


async def test_the_state_of_the_shards_is_stored_when_it_has_changed(rig):
    rig.states = [{"shard": 1}]
    await rig.turn(0)
    await rig.turn(1)
    rig.states = [{"shard": 2}]
    await rig.turn(2)
    assert 2 == rig.sql.said.count("keep_state")
