"""What a window leaves of its changes: records for accounts that keep them, minutes of feeds, and nothing beside."""

import asyncio
from datetime import timedelta

import orjson
import pytest

from schemas import change_records
from schemas.batches import Operation
from schemas.changes import NUMBER_BITS
from workers.apply import glimpse

POISON = """
ALTER TABLE feed_variants ADD CONSTRAINT poison CHECK (inventory_quantity <> 666);
"""


@pytest.fixture
async def kept(road):
    """The road of an account that keeps its changes."""
    await road.connection.execute("INSERT INTO change_streams (account_id, enabled) VALUES (1, true)")
    return road


async def events(road, event="inventory.changed"):
    rows = await road.connection.fetch("SELECT * FROM events WHERE event = $1 ORDER BY position", event)
    read = change_records.decode if event == "inventory.changed" else orjson.loads
    return [(row, read(row["body"])) for row in rows]


async def records(road):
    """Return the records in their order, as (index, external id, action, details changed, attribute, old, new, …)."""
    return [
        (
            one.index,
            one.external_id,
            one.action,
            one.details_changed,
            *(part for change in one.changes for part in change),
        )
        for _, body in await events(road)
        for one in body
    ]


async def test_an_account_that_did_not_ask_for_it_keeps_nothing(road):
    await road.outcomes({"externalId": "a", "inventoryQuantity": 1})
    await road.outcomes({"externalId": "a", "inventoryQuantity": 2})

    assert ([], None) == (await records(road), (await road.rows())[1, "a"]["last_change"])


async def test_what_was_created_and_changed_is_recorded_with_old_and_new_and_what_was_not_is_not(kept):
    await kept.outcomes({"externalId": "a", "inventoryQuantity": 1}, {"externalId": "b", "retailPrice": "9.5"})
    await kept.outcomes(
        {"externalId": "a", "inventoryQuantity": 1},
        {"externalId": "b", "retailPrice": "9.75", "inventoryQuantity": 3, "name": "Oak"},
    )

    assert [
        (0, "a", "created", False, "inventoryQuantity", None, 1),
        (1, "b", "created", False, "retailPrice", None, "9.5"),
        (1, "b", "updated", True, "inventoryQuantity", None, 3, "retailPrice", "9.5", "9.75"),
    ] == [tuple(record) for record in await records(kept)]


async def test_a_record_tells_its_batch_its_row_and_its_times(kept):
    sent = kept.batch({"externalId": "a"}, {"externalId": "b"}, indexes=[7, 9], run_id=5)
    await kept.apply(sent)

    ((row, body),) = await events(kept)
    assert (sent.batch_id, 1, 5, "webhook", kept.now, kept.now) == tuple(
        row[name] for name in ("batch_id", "feed_id", "run_id", "source", "received_at", "at")
    )
    assert [7, 9] == [record.index for record in body]


async def test_each_change_names_the_one_before_it(kept):
    for quantity in range(3):
        await kept.apply(
            kept.batch({"externalId": "a", "inventoryQuantity": quantity}), kept.batch({"externalId": "b"})
        )

    found = [(row["position"] >> NUMBER_BITS, body[0]) for row, body in await events(kept)]
    of_a = [(window, record.previous) for window, record in found if record.external_id == "a"]
    windows = [window << NUMBER_BITS for window, _ in of_a]
    assert [None, *windows[:2]] == [previous for _, previous in of_a]
    assert windows[2] == (await kept.rows())[1, "a"]["last_change"]


async def test_a_connection_and_a_deletion_are_changes(kept):
    await kept.outcomes({"externalId": "a", "vendorSku": "shoe", "inventoryQuantity": 4})
    shoe = await kept.connection.fetchval("INSERT INTO variants (account_id, sku) VALUES (1, 'shoe') RETURNING id")
    await kept.outcomes({"externalId": "a"}, operation=Operation.CONNECT)
    await kept.outcomes({"externalId": "b", "vendorSku": "shoe"})
    await kept.outcomes({"externalId": "a"}, operation=Operation.DELETE)

    created, connected, second, deleted = await records(kept)
    assert (0, "a", "connected", False, "variantId", None, shoe) == connected
    assert ("variantId", None, shoe) == second[-3:]
    assert "deleted" == deleted[2]
    assert ("inventoryQuantity", 4, None) == deleted[7:10]
    assert created[1] == deleted[1]


async def test_a_batch_that_is_split_leaves_its_changes_by_their_place_in_the_post(kept):
    await kept.connection.execute(POISON)
    items = [{"externalId": f"{n}", "inventoryQuantity": 666 if n == 2 else n} for n in range(5)]

    await kept.apply(kept.batch(*items, indexes=[10, 11, 12, 13, 14]))

    ((_, body),) = await events(kept)
    assert [(10, "0"), (11, "1"), (13, "3"), (14, "4")] == [(record.index, record.external_id) for record in body]


async def test_an_unchanged_or_redelivered_batch_leaves_nothing(kept):
    sent = kept.batch({"externalId": "a", "inventoryQuantity": 1})
    for batch in (sent, sent, kept.batch({"externalId": "a", "inventoryQuantity": 1})):
        await kept.apply(batch)

    assert 1 == len(await events(kept))


@pytest.fixture
async def statements(kept):
    """The statements of a road whose account keeps its changes and has two feed variants."""
    await kept.apply(kept.batch({"externalId": "a", "inventoryQuantity": 1}, {"externalId": "b"}))
    await asyncio.sleep(0)  # a logger hears of a statement in the loop's next turn
    heard = []
    kept.connection.add_query_logger(lambda record: heard.append(record.query))
    return heard


async def test_what_changes_nothing_of_an_account_that_keeps_changes_needs_no_transaction_and_is_remembered(
    kept, statements
):
    kept.known.clear()
    told = []
    for _ in range(2):
        told.append(await kept.outcomes({"externalId": "a", "inventoryQuantity": 1}))
        await asyncio.sleep(0)
        told.append([len(statements), sum("LEFT JOIN feed_variants" in query for query in statements)])
        statements.clear()

    assert [["unchanged"], [3, 1], ["unchanged"], [2, 0]] == told
    assert 1 == len(await events(kept))


@pytest.mark.parametrize(
    ("name", "details"), [("b", {}), ("c", {}), ("b", {"name": "Oak"})], ids=["at once", "new", "details"]
)
async def test_what_changes_is_compared_once_and_is_of_its_transaction(kept, statements, name, details):
    await kept.limit(10)
    await asyncio.sleep(0)
    statements.clear()
    kept.now += timedelta(days=1)

    await kept.apply(
        kept.batch({"externalId": "b"}),
        kept.batch({"externalId": "a", "inventoryQuantity": 2}),
        kept.batch({"externalId": name, "retailPrice": "5"} | details),
    )
    await asyncio.sleep(0)

    assert 1 == sum("LEFT JOIN feed_variants" in query for query in statements)
    assert (name == "b" and not details) == (len(statements) == 3)
    rows = await kept.connection.fetch("SELECT position, xmin::text::bigint AS number FROM events ORDER BY position")
    assert [(0, rows[0]["number"]), (1, rows[1]["number"]), (2, rows[1]["number"])] == [
        (row["position"] % 2**NUMBER_BITS, row["position"] >> NUMBER_BITS) for row in rows
    ]
    marked = {key: row["last_change"] for (_, key), row in (await kept.rows()).items()}
    assert {"a": rows[1]["number"] << NUMBER_BITS, name: rows[1]["number"] << NUMBER_BITS} == {
        key: mark for key, mark in marked.items() if key in ("a", name)
    }
    told = [record.previous for _, body in (await events(kept))[1:] for record in body]
    before = rows[0]["number"] << NUMBER_BITS
    assert [before, before if name == "b" else None] == told
    assert ("updated" if name == "b" else "created", "retailPrice", None, "5") == (
        (await records(kept))[-1][2],
        *(await records(kept))[-1][-3:],
    )
    assert 2 == (await kept.used())[kept.now.date()]


async def test_a_row_that_moved_after_the_look_is_told_once_with_what_it_held(kept, statements, monkeypatch):
    other = await kept.another()
    look = glimpse.at

    async def at(*window):
        seen = await look(*window)
        await other.connection.execute("UPDATE feed_variants SET inventory_quantity = 5 WHERE external_id = 'a'")
        return seen

    monkeypatch.setattr(glimpse, "at", at)
    await kept.outcomes({"externalId": "a", "inventoryQuantity": 2})

    assert [(0, "a", "updated", False, "inventoryQuantity", 5, 2)] == (await records(kept))[2:]


async def test_other_events_are_written_for_those_who_wait_for_them(road):
    names = ["batch.done", "limit.near", "dead_letter.created"]
    await road.connection.execute("INSERT INTO change_streams (account_id, events) VALUES (1, $1)", names)
    await road.connection.execute(POISON)
    await road.limit(5)
    await road.outcomes(*({"externalId": f"{n}"} for n in range(4)))
    await road.outcomes({"externalId": "666", "inventoryQuantity": 666})

    assert [{"created": 4}, {"dead": 1}] == [body["counts"] for _, body in await events(road, "batch.done")]
    assert [{"percent": 80, "day": "2026-03-01", "limit": 5, "used": 4}] == [
        body for _, body in await events(road, "limit.near")
    ]
    ((_, letters),) = await events(road, "dead_letter.created")
    assert (1, "666") == (letters["count"], letters["deadLetters"][0]["externalId"])
    assert [] == await events(road)


async def test_a_day_that_is_nearly_full_by_changed_rows_alone_is_told(road):
    await road.connection.execute("INSERT INTO change_streams (account_id, events) VALUES (1, '{limit.near}')")
    await road.outcomes(*({"externalId": f"{n}"} for n in range(4)))
    await road.limit(5)
    road.now += timedelta(days=1)

    await road.outcomes(*({"externalId": f"{n}", "inventoryQuantity": 1} for n in range(4)))

    assert [("2026-03-02", 80, 4)] == [
        (body["day"], body["percent"], body["used"]) for _, body in await events(road, "limit.near")
    ]


async def test_a_feeds_minute_counts_its_outcomes_and_its_greatest_lag(road):
    early = road.now.replace(second=20)
    for road.now in (early, early.replace(second=50), early.replace(minute=1)):
        await road.apply(
            road.batch({"externalId": "a"}, {"externalId": "b"}, at=early.replace(second=18)),
            road.batch({"externalId": "c"}, feed=2, at=early),
        )

    rows = await road.connection.fetch("SELECT * FROM feed_minutes ORDER BY feed_id, minute")
    assert [(1, 0, 2, 2, 32_000), (1, 1, 0, 2, 62_000), (2, 0, 1, 1, 30_000), (2, 1, 0, 1, 60_000)] == [
        (row["feed_id"], row["minute"].minute, row["created"], row["unchanged"], row["lag_ms"]) for row in rows
    ]
