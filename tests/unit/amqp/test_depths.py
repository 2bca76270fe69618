"""However many ask how deep the queues are, and however slow RabbitMQ is: one look a second, and a short wait."""

import asyncio

import pytest

from ingest.amqp.depths import EVERY_S, Depths


class Broker:
    """Counts looks, and answers when it is told to."""

    def __init__(self):
        self.looks, self.answer = 0, asyncio.get_running_loop().create_future()

    async def look(self, shards):
        self.looks += 1
        return dict.fromkeys(shards, await asyncio.shield(self.answer))


@pytest.fixture
async def broker():
    return Broker()


async def asked(depths, shards=(0, 1)):
    depths.begin(shards)
    return await depths.known()


async def test_all_who_ask_within_a_second_share_one_look(broker):
    async with Depths(broker.look) as depths:
        broker.answer.set_result(7)
        assert [{0: 7, 1: 7}] * 3 == await asyncio.gather(*(asked(depths) for _ in range(3)))
        assert ({0: 7, 1: 7}, 1) == (await asked(depths), broker.looks)

        depths._began_at -= EVERY_S
        await asked(depths)
        assert 2 == broker.looks


async def test_nobody_waits_for_a_broker_that_is_slow_and_it_is_asked_once(broker):
    async with Depths(broker.look, wait_s=0) as depths:
        assert {} == await asked(depths)
        depths._began_at -= EVERY_S
        assert ({}, 1) == (await asked(depths), broker.looks)

        broker.answer.set_result(7)
        await depths._task
        assert {0: 7, 1: 7} == await depths.known()


async def test_of_a_broker_that_is_away_nothing_is_known(broker):
    async with Depths(broker.look) as depths:
        broker.answer.set_exception(ConnectionRefusedError("refused"))
        assert {} == await asked(depths)
