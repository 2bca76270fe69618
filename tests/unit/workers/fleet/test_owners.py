"""Owners come and go with the live list."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from schemas.division import Division
from workers.fleet.owners import Owners

US, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)


class Owner:
    """An owner that ends as soon as it is asked to."""

    def __init__(self, shard):
        self.shard = shard
        self.end = asyncio.get_running_loop().create_future()
        self.why = None

    async def run(self):
        await self.end

    def stop(self):
        self.why = self.why or "stopped"
        if not self.end.done():
            self.end.set_result(None)

    def abandon(self, why):
        self.why = why
        self.stop()

    def state(self):
        return {"shard": self.shard}


class Rig:
    """The owners of a worker of a fleet of 4 shards."""

    def __init__(self):
        self.made = []
        self.owners = Owners(US, 4, self.make)
        self.task = asyncio.create_task(self.owners.run())

    def make(self, shard):
        self.made.append(Owner(shard))
        return self.made[-1]

    async def settle(self):
        for _ in range(10):
            await asyncio.sleep(0)
        return sorted(owner.shard for owner in self.owners.at_work)


@pytest.fixture
async def rig():
    rig = Rig()
    yield rig
    rig.task.cancel()
    await asyncio.gather(rig.task, return_exceptions=True)


async def test_each_shard_of_ours_gets_an_owner_and_keeps_it(rig):
    for _ in range(3):
        rig.owners.update(frozenset({US}))
        assert [0, 1, 2, 3] == await rig.settle()
    assert 4 == len(rig.made)
    assert [0, 1, 2, 3] == [state["shard"] for state in rig.owners.states()]


async def test_a_shard_that_moves_is_handed_over_and_the_others_are_left_alone(rig):
    rig.owners.update(frozenset({US}))
    await rig.settle()
    rig.owners.update(frozenset({US, OTHER}))
    assert 2 == len(await rig.settle())
    assert [None, None, "stopped", "stopped"] == sorted((owner.why for owner in rig.made), key=str)


async def test_who_is_held_for_dead_gives_everything_back_and_begins_anew_when_it_is_alive_again(rig):
    rig.owners.update(frozenset({US}))
    await rig.settle()
    rig.owners.lose("no heartbeat")
    assert [] == await rig.settle()
    assert {"no heartbeat"} == {owner.why for owner in rig.made}
    rig.owners.update(frozenset({US}))
    assert [0, 1, 2, 3] == await rig.settle()


async def test_a_stop_ends_when_all_is_handed_over_and_no_live_list_brings_anything_back(rig):
    rig.owners.update(frozenset({US}))
    await rig.settle()
    rig.owners.stop()
    rig.owners.update(frozenset({US}))
    await asyncio.wait_for(rig.task, 60)
    assert 4 == len(rig.made)


async def test_an_owner_that_dies_takes_the_fleet_with_it(rig):
    rig.owners.update(frozenset({US}))
    await rig.settle()
    rig.made[2].end.set_exception(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(rig.task, 60)


async def test_a_new_shard_of_a_doubling_gets_its_owner_when_it_is_open_and_no_other_moves(rig):
    rig.owners.update(frozenset({US}))
    await rig.settle()
    for closed, owned in (({4, 5, 6, 7}, [0, 1, 2, 3]), ({4, 7}, [0, 1, 2, 3, 5, 6]), ((), list(range(8)))):
        rig.owners.divide(Division(8, frozenset(closed)))
        rig.owners.update(frozenset({US}))
        assert owned == await rig.settle()
    assert 8 == len(rig.made)
