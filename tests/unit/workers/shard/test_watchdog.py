"""What the watchdog does about a shard that nothing has come from for a while."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from workers.clock import Clock
from workers.shard.watchdog import Stuck, Watchdog

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Owner:
    """A shard's owner as the watchdog sees it."""

    shard = 3

    def __init__(self, hungry_s):
        self.hungry = hungry_s
        self.done = []

    def hungry_s(self):
        return self.hungry

    def found_empty(self, at):
        self.done.append(("empty", at))

    def renew(self, why):
        self.done.append(("renew", why))


class Rig:
    """A watchdog with a limit of 30 s over one owner; `depth` is what the queue answers."""

    def __init__(self, hungry_s, depth):
        self.owner = Owner(hungry_s)
        self.depth = depth
        self.seconds = 0.0
        clock = Clock(lambda: self.seconds, lambda: NOON)
        self.watchdog = Watchdog(lambda: [self.owner], self.ask, 30.0, clock)

    async def ask(self, shard):
        assert shard == 3
        if isinstance(self.depth, Exception):
            raise self.depth
        return self.depth

    async def look(self, at=0.0):
        self.seconds = at
        await self.watchdog.look(self.owner)
        return self.owner.done


async def test_an_empty_queue_is_taken_note_of_as_of_before_it_was_asked():
    assert [("empty", NOON)] == await Rig(3.0, 0).look()


async def test_a_queue_that_is_gone_is_consumed_anew():
    assert [("renew", "the queue is gone")] == await Rig(3.0, None).look()


async def test_messages_that_do_not_come_are_asked_for_anew_before_the_process_ends():
    assert [("renew", "7 messages wait and none comes")] == await Rig(29.9, 7).look()


async def test_consuming_anew_is_given_time_to_help():
    rig = Rig(3.0, 7)
    for at in (0.0, 2.0, 3.9):
        await rig.look(at)
    assert 1 == len(rig.owner.done)
    assert 2 == len(await rig.look(4.0))


async def test_a_shard_that_nothing_helps_ends_the_process():
    rig = Rig(30.0, 7)
    with pytest.raises(Stuck):
        await rig.look()
    assert "shard 3: nothing delivered for 30.0 s" == rig.watchdog.alive()


async def test_a_queue_that_is_gone_ends_no_process_however_long():
    assert [("renew", "the queue is gone")] == await Rig(300.0, None).look()


async def test_a_delivery_that_comes_while_the_queue_is_asked_settles_it():
    rig = Rig(30.0, 7)

    async def ask(_):
        rig.owner.hungry = 0.0
        return 7

    rig.watchdog._depth_of = ask
    assert [] == await rig.look()


async def test_a_broker_that_is_away_is_a_reason():
    assert [] == await Rig(300.0, ConnectionResetError("away")).look()
