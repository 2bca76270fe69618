"""Batches that workers die of: told apart by deaths, never by deliveries, and buried when it is certain."""

from __future__ import annotations

import uuid

import pytest

from workers.fleet.heartbeat import FLEET
from workers.shard import attempts

US = uuid.UUID(int=9)


def items(*names):
    return [{"externalId": name, "inventoryQuantity": 1} for name in names]


@pytest.fixture
def begin(road):
    """Begin to apply batches as a worker."""

    async def begin(worker, *batches):
        return await attempts.begin(road.connection, batches, worker)

    return begin


async def enlist(road, worker):
    await road.connection.execute("INSERT INTO workers (id, host, pid) VALUES ($1, 'host', 1)", worker)


async def test_a_worker_that_begins_again_or_is_alive_is_no_death(road, begin):
    batch, other = road.batch(*items("a")), uuid.UUID(int=1)
    for worker in (US, other):
        await enlist(road, worker)
    for _ in range(30):  # connections that break, deliveries that come again
        assert {} == await begin(US, batch)
        assert {} == await begin(other, batch)


async def test_a_worker_that_is_gone_counts_once(road, begin):
    batch, dead = road.batch(*items("a")), uuid.UUID(int=1)
    await begin(dead, batch)
    await begin(dead, batch)
    assert {batch.batch_id: 1} == await begin(US, batch)


async def test_a_batch_that_is_committed_is_counted_no_more(road, begin):
    batch = road.batch(*items("a"))
    await begin(uuid.UUID(int=1), batch)
    await attempts.forget(road.connection, [batch])
    assert {} == await begin(US, batch)


async def test_a_worker_that_leaves_alive_has_died_of_nothing(road, begin):
    batch, other = road.batch(*items("a")), uuid.UUID(int=1)
    await enlist(road, other)
    await begin(other, batch)
    await FLEET.leave(road.connection, id=other)
    assert {} == await begin(US, batch)


async def test_a_batch_with_a_death_flies_alone_and_the_order_stays(road):
    one, two, three, four = (road.batch(*items(name)) for name in "abcd")
    assert [[one, two], [three], [four]] == attempts.divide([one, two, three, four], {three.batch_id: 1})
    assert [[one], [two], [three, four]] == attempts.divide([one, two, three, four], {one.batch_id: 1, two.batch_id: 2})


async def test_its_items_are_dead_letters_each_and_its_receipt_says_so(road):
    batch = road.batch(*items("a", "b"))
    await attempts.bury(road.connection, batch, road.now)
    assert ({"dead": 2}, ["worker_died", "worker_died"]) == (
        (await road.receipt(batch))[0],
        [line["code"] for line in (await road.receipt(batch))[1]],
    )
    letters = await road.connection.fetch("SELECT external_id, code FROM dead_letters ORDER BY id")
    assert [("a", "worker_died"), ("b", "worker_died")] == [tuple(letter) for letter in letters]
    assert [False] == [each.claimed for each in (await road.apply(batch)).batches]


async def test_one_that_was_committed_after_all_is_not_buried(road):
    batch = road.batch(*items("a"))
    await road.apply(batch)
    await attempts.bury(road.connection, batch, road.now)
    assert 0 == await road.connection.fetchval("SELECT count(*) FROM dead_letters")
