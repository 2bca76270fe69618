"""Windows whose items a session knows: nothing is compared for them, and nothing of it outlives what makes it true."""

import asyncio
import uuid
from datetime import timedelta
from unittest.mock import patch

import pytest

from schemas.batches import Operation
from schemas.errors import Transient
from schemas.settings import Settings
from workers.apply import apply_window, receipts, transaction
from workers.apply.known import REMEMBERED_FOR
from workers.shard.lock import ShardLock
from workers.shard.tools import Tools

ITEMS = [{"externalId": f"{n}", "inventoryQuantity": 1} for n in range(3)]
OTHER = ITEMS[0] | {"inventoryQuantity": 2}


@pytest.fixture
async def compared(road):
    """How many lines each compare asked for, of a road that knows `ITEMS`."""
    await road.apply(road.batch(*ITEMS))
    asked = []

    def note(query):
        if "LEFT JOIN feed_variants v" in query.query:
            asked.append(query.args[0])

    road.connection.add_query_logger(note)
    return asked


async def test_nothing_is_compared_of_a_window_that_is_known_and_it_takes_two_statements(road, compared):
    statements = []
    road.connection.add_query_logger(lambda query: statements.append(query.query))
    batches = [road.batch(*ITEMS), road.batch(ITEMS[0])]

    result = await road.apply(*batches)
    await asyncio.sleep(0)  # a logger hears of a statement in the loop's next turn

    assert ([], 2) == (compared, len(statements))
    assert [{"superseded": 1, "unchanged": 2}, {"unchanged": 1}] == [each.counts for each in result.batches]
    assert ["0"] == [line["externalId"] for line in (await road.receipt(batches[1]))[1]]


async def test_only_what_differs_or_is_new_is_compared_and_written(road, compared):
    outcomes = await road.outcomes({"externalId": "9"}, *ITEMS[1:], OTHER)
    again = await road.outcomes({"externalId": "9"}, *ITEMS[1:], OTHER)

    assert ["created", "unchanged", "unchanged", "updated"] == outcomes
    assert (["unchanged"] * 4, [2]) == (again, compared)
    assert [2, 1, 1, None] == [row["inventory_quantity"] for _, row in sorted((await road.rows()).items())]


async def test_a_value_that_comes_back_is_written_again(road, compared):
    assert ["updated", "unchanged", "updated", "unchanged"] == [
        (await road.outcomes(item))[0] for item in (OTHER, OTHER, ITEMS[0], ITEMS[0])
    ]
    assert [1, 1] == compared


async def test_an_item_that_says_the_same_in_other_words_is_known_too_and_only_as_long_as_it_is_true(road, compared):
    wordy = ITEMS[0] | {"retailPrice": None}

    assert ["unchanged", "unchanged", "updated", "updated"] == [
        (await road.outcomes(item))[0] for item in (wordy, wordy, OTHER, wordy)
    ]
    assert [1, 1, 1] == compared


@pytest.mark.parametrize(
    "between",
    [
        lambda road: road.batch({"externalId": "0"}, operation=Operation.DELETE),
        lambda road: road.batch(OTHER, replays=7),
        lambda road: road.batch(OTHER, {"externalId": "p", "vendorSku": "x" * 9_000}),  # too long for its index
    ],
    ids=["deleted", "replayed", "written beside poison"],
)
async def test_what_was_written_in_another_way_is_not_known_any_more(road, compared, between):
    await road.apply(between(road))

    assert (await road.outcomes(*ITEMS))[0] in ("created", "updated")
    assert 1 == (await road.rows())[1, "0"]["inventory_quantity"]


async def test_what_was_deferred_is_not_known(road, compared):
    road.now += timedelta(days=1)
    await road.limit(0)
    assert ["deferred", "unchanged", "unchanged"] == await road.outcomes(OTHER, *ITEMS[1:])
    await road.limit(None)
    road.now += timedelta(minutes=1)

    assert ["updated"] == await road.outcomes({"externalId": "0"})
    assert ["updated"] == await road.outcomes(ITEMS[0])


async def test_what_was_rejected_for_want_of_room_is_not_known(road):
    await road.apply(road.batch(ITEMS[0], feed=2))
    road.now += timedelta(days=1)
    await road.limit(0)

    assert ["rejected", "rejected", "unchanged"] == [
        (await road.outcomes(item, feed=2))[0] for item in (OTHER, OTHER, ITEMS[0])
    ]


@pytest.mark.parametrize("error", [Transient, asyncio.CancelledError])
async def test_nothing_is_known_of_a_window_that_was_rolled_back(road, compared, error):
    with patch.object(receipts, "encode", side_effect=error), pytest.raises(error):
        await road.apply(road.batch(OTHER))

    assert 0 == len(road.known)
    assert [["unchanged"], ["updated"]] == [await road.outcomes(item) for item in (ITEMS[0], OTHER)]


async def test_nothing_is_known_of_a_window_whose_commit_nobody_confirmed(road, compared):
    settle = transaction.settle_seen

    async def lost(*window):
        await settle(*window)
        raise Transient

    with patch.object(transaction, "settle_seen", lost), pytest.raises(Transient):
        await road.apply(road.batch(OTHER))

    assert 0 == len(road.known)
    assert [["unchanged"], ["updated"]] == [await road.outcomes(item) for item in (OTHER, ITEMS[0])]


async def test_a_feed_that_was_deleted_and_purged_answers_no_more_from_memory(road, compared):
    await road.connection.execute("UPDATE inventory_feeds SET deleted_at = now() WHERE id = 1")
    await road.connection.execute("DELETE FROM feed_variants")

    assert ["rejected"] * 3 == await road.outcomes(*ITEMS)


async def test_rows_that_somebody_deletes_by_hand_come_back_within_a_quarter_of_an_hour(road, compared):
    await road.connection.execute("DELETE FROM feed_variants")
    road.now += REMEMBERED_FOR - timedelta(seconds=1)
    assert ["unchanged"] * 3 == await road.outcomes(*ITEMS)
    road.now += timedelta(seconds=1)

    assert ["created"] * 3 == await road.outcomes(*ITEMS)


async def test_a_session_that_is_lost_takes_along_what_it_knew(road):
    settings = Settings(secret_key="0" * 64, database_url=road.dsn, amqp_url="amqp://nobody")
    tools = Tools(settings, uuid.uuid4(), *[None] * 5)
    tools.memory.left = 3
    lost = asyncio.Event()
    lock = ShardLock(tools, 1, lost.set)
    await lock.acquire()
    first = lock.known
    await apply_window(await lock.connection(), [road.batch(*ITEMS)], road.now, first)
    assert (3, 0) == (len(first), tools.memory.left)

    lock.drop()
    await lost.wait()
    assert (0, 3) == (len(first), tools.memory.left)
    await road.apply(road.batch(OTHER))  # by whoever had the lock meanwhile
    connection = await lock.connection()
    result = await apply_window(connection, [road.batch(*ITEMS)], road.now, lock.known)

    assert {"updated": 1, "unchanged": 2} == result.batches[0].counts
    assert (first is not lock.known, 0) == (True, tools.memory.left)
    await lock.release()
    assert (0, 3) == (len(lock.known), tools.memory.left)
