"""A window looks before its transaction: what it saves, and what others do between the look and the write."""

from datetime import timedelta

import pytest

from workers.apply import glimpse
from workers.apply.sheet import Sheet

ITEMS = [{"externalId": f"{n}", "inventoryQuantity": 1} for n in range(3)]


@pytest.fixture
def between(monkeypatch):
    """`between(step)`: awaits a step after the next window has looked, and before it writes."""

    def between(step):
        look, steps = glimpse.at, [step]

        async def at(*window):
            seen = await look(*window)
            if steps:
                assert seen is not None
                await steps.pop()
            return seen

        monkeypatch.setattr(glimpse, "at", at)

    return between


async def transactions(connection) -> int:
    """Return the number of the next transaction that writes."""
    return int(await connection.fetchval("SELECT pg_snapshot_xmax(pg_current_snapshot())::text"))


async def locked_feeds(road) -> list[int]:
    rows = await road.connection.fetch("SELECT id FROM inventory_feeds WHERE xmax <> 0 ORDER BY id")
    return [row["id"] for row in rows]


async def test_an_unchanged_window_is_one_write_and_locks_no_feed(road):
    await road.apply(road.batch(*ITEMS, feed=1))
    await road.connection.execute("UPDATE inventory_feeds SET name = name")  # rows that no lock was on
    before = await transactions(road.connection)
    batch = road.batch(*ITEMS)

    await road.apply(batch)

    assert before + 1 == await transactions(road.connection)
    assert [] == await locked_feeds(road)
    assert {"unchanged": 3} == (await road.receipt(batch))[0]


async def test_an_update_locks_no_feed_and_what_adds_rows_locks_its_own(road):
    await road.apply(road.batch(*ITEMS))
    await road.connection.execute("UPDATE inventory_feeds SET name = name")

    await road.apply(road.batch(ITEMS[0] | {"inventoryQuantity": 2}))
    assert [] == await locked_feeds(road)

    await road.apply(road.batch(*ITEMS, feed=2), road.batch(ITEMS[0]))
    assert [2] == await locked_feeds(road)


@pytest.mark.parametrize("name", ["new", "0"], ids=["created", "details of a row that is there"])
async def test_a_feed_that_is_deleted_after_the_look_gets_nothing(road, between, name):
    await road.apply(road.batch(*ITEMS))
    before = await road.rows()
    other = (await road.another()).connection
    between(other.execute("UPDATE inventory_feeds SET deleted_at = now() WHERE id = 1"))

    result = await road.apply(road.batch({"externalId": name, "name": "Oak"}))

    assert {"rejected": 1} == result.batches[0].counts
    assert ["feed.deleted"] == [item["code"] for item in result.batches[0].items]
    assert before == await road.rows()


async def test_a_row_that_moves_after_the_look_is_found_again(road, between):
    await road.apply(road.batch(*ITEMS))
    other = (await road.another()).connection
    between(other.execute("UPDATE feed_variants SET variant_id = NULL WHERE external_id = '1'"))

    result = await road.apply(road.batch(*[item | {"inventoryQuantity": 5} for item in ITEMS]))

    assert {"updated": 3} == result.batches[0].counts
    assert [5, 5, 5] == [row["inventory_quantity"] for row in (await road.rows()).values()]


async def test_a_limit_that_is_lowered_after_the_look_holds(road, between):
    await road.limit(10)
    other = (await road.another()).connection
    between(other.execute("UPDATE accounts SET daily_sku_limit = 1"))

    result = await road.apply(road.batch(*ITEMS))

    assert {"created": 1, "deferred": 2} == result.batches[0].counts
    assert [1] == list((await road.used()).values())


async def test_a_copy_of_a_batch_that_is_committed_after_the_look_changes_nothing(road, between):
    await road.apply(road.batch(*ITEMS))
    batch = road.batch(*[item | {"inventoryQuantity": 2} for item in ITEMS])
    another = await road.another()
    between(another.apply(batch))

    result = await road.apply(batch)

    assert [False] == [outcome.claimed for outcome in result.batches]
    assert 2 == await road.connection.fetchval("SELECT count(*) FROM receipts")


async def test_rows_whose_numbers_change_never_become_objects_and_end_as_updated(road, monkeypatch):
    await road.apply(road.batch(*ITEMS))
    made = []
    monkeypatch.setattr(Sheet, "entries", lambda _, places=None: made.extend(places) or [])
    batch = road.batch(*[item | {"inventoryQuantity": 5} for item in ITEMS[:2]], ITEMS[2])

    result = await road.apply(batch)

    assert ([], {"updated": 2, "unchanged": 1}) == (made, result.batches[0].counts)
    assert [5, 5, 1] == [row["inventory_quantity"] for row in (await road.rows()).values()]
    assert ["2"] == [line["externalId"] for line in (await road.receipt(batch))[1]]


async def test_new_rows_never_become_objects_and_are_what_they_are_as_objects(road, monkeypatch):
    rich = {"name": "Oak", "tags": ["a"], "grams": "0", "barcode": None}
    items = [
        ITEMS[0] | rich,
        ITEMS[1] | {"vendorSku": "boot", "inventoryPolicy": None},
        ITEMS[2] | {"vendorSku": "SHOE"},
    ]
    await road.connection.execute("INSERT INTO variants (account_id, sku) VALUES (1, 'Boot'), (1, 'shoe'), (1, 'Shoe')")
    await road.connection.execute("UPDATE inventory_feeds SET case_insensitive_skus = true")
    made, entries, sent = [], Sheet.entries, [road.batch(*items), road.batch(*items, feed=2)]
    monkeypatch.setattr(Sheet, "entries", lambda sheet, places: made.extend(places) or entries(sheet, places))

    await road.apply(sent[0])
    assert [] == made
    await road.connection.execute("INSERT INTO change_streams (account_id, enabled) VALUES (1, true)")
    monkeypatch.setattr(Sheet, "entries", entries)
    await road.apply(sent[1])

    rows = await road.rows()
    told = sorted(dict(rows[1, "0"]).keys() - {"ctid", "feed_id", "id", "last_change"})
    assert [[rows[2, name][column] for column in told] for name in "012"] == [
        [rows[1, name][column] for column in told] for name in "012"
    ]
    assert ['{"name": "Oak", "tags": ["a"]}', None, None] == [rows[1, name]["details"] for name in "012"]
    assert (True, False) == tuple(rows[1, name]["variant_id"] is not None for name in "12")
    counts, (line,) = await road.receipt(sent[0])
    assert ({"created": 3}, "2", "ambiguous_match") == (counts, line["externalId"], line["warnings"][0]["code"])


async def test_a_window_of_changes_and_new_rows_over_the_limit_admits_who_is_named_first(road):
    await road.apply(road.batch(*ITEMS))
    road.now += timedelta(days=1)
    await road.limit(2)
    changed = [item | {"inventoryQuantity": 5} for item in ITEMS]

    result = await road.apply(road.batch({"externalId": "9"}, *changed[:2]), road.batch(changed[2], feed=2))

    assert [{"created": 1, "updated": 1, "deferred": 1}, {"rejected": 1}] == [each.counts for each in result.batches]
    assert [3, 2] == list((await road.used()).values())
    assert {"0": 5, "1": 1, "2": 1, "9": None} == {
        name: row["inventory_quantity"] for (_, name), row in (await road.rows()).items()
    }
