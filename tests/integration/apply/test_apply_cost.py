"""What a window costs: an unchanged item writes no WAL for feed variants, a changed one is a HOT update."""

from contextlib import asynccontextmanager

import pytest

pytestmark = pytest.mark.new_database
LEAN = [
    {"externalId": f"{n:05}", "vendorSku": f"{n:05}", "inventoryQuantity": 1, "retailPrice": "9.5"} for n in range(500)
]
RICH = [item | {"name": "n" * 60, "description": "d" * 300, "tags": ["a"], "images": ["i"]} for item in LEAN]


@pytest.fixture
async def wal(road):
    """`wal(names)` around a block: afterwards the list it gave holds the WAL records of tables and their indexes."""
    await road.connection.execute("CREATE EXTENSION pg_walinspect")

    @asynccontextmanager
    async def wal(*tables):
        records = []
        before = await road.connection.fetchval("SELECT pg_current_wal_insert_lsn()")
        yield records
        await road.connection.execute("CHECKPOINT")  # which flushes what was logged
        after = await road.connection.fetchval("SELECT pg_current_wal_flush_lsn()")
        records += await road.connection.fetch(
            """
            SELECT w.resource_manager, w.record_type, w.block_ref
            FROM pg_get_wal_records_info($1, $2) w
            JOIN pg_class c ON c.relname ~ $3
              AND w.block_ref LIKE '%/' || (SELECT oid FROM pg_database WHERE datname = current_database())
                                   || '/' || pg_relation_filenode(c.oid) || ' %'
            """,
            before,
            after,
            f"^({'|'.join(tables)})",
        )

    return wal


@pytest.mark.parametrize("items", [LEAN, RICH], ids=["lean", "rich"])
async def test_an_unchanged_window_writes_no_wal_for_feed_variants_and_details(road, wal, items):
    await road.connection.execute("INSERT INTO change_streams (account_id, enabled) VALUES (1, true)")
    await road.apply(road.batch(*items))
    await road.connection.execute("CHECKPOINT")

    async with wal("feed_variant", "usage", "deferred", "events") as records:
        result = await road.apply(*[road.batch(*items[start : start + 50]) for start in range(0, 500, 50)])

    assert {"unchanged": 50} == result.batches[9].counts
    assert [] == records


async def test_only_batches_with_an_item_that_was_refused_are_in_the_indexes_of_those(road, wal):
    found = await road.connection.fetch(
        """
        SELECT i.indexrelid::regclass::text FROM pg_index i
        WHERE i.indrelid::regclass::text LIKE 'receipts_%' AND pg_get_expr(i.indpred, i.indrelid) LIKE '%counts%'
        """
    )
    indexes = [f"{row[0]}$" for row in found]
    assert indexes
    async with wal(*indexes) as taken:
        await road.apply(road.batch(*LEAN[:50]))
    async with wal(*indexes) as refused:
        await road.apply(road.batch({"externalId": "a", "inventoryQuantity": 2**31}))

    assert ([], True) == (taken, bool(refused))


async def test_the_measure_sees_the_wal_of_a_changed_row_and_of_its_details_only_if_they_change(road, wal):
    await road.apply(road.batch(*RICH))

    async with wal("feed_variants") as rows, wal("feed_variant_details") as details:
        await road.apply(road.batch(RICH[0] | {"inventoryQuantity": 2}))

    assert ["HOT_UPDATE"] == [
        record["record_type"].split("+")[0] for record in rows if record["resource_manager"] == "Heap"
    ]
    assert [] == details


async def test_an_unchanged_part_of_a_window_costs_nothing_beside_a_changed_one(road):
    await road.apply(road.batch(*LEAN))
    before = await road.rows()

    await road.outcomes(*LEAN[:49], LEAN[49] | {"retailPrice": "10"})

    after = await road.rows()
    assert ["00049"] == [key for (_, key), row in after.items() if row["ctid"] != before[1, key]["ctid"]]


async def test_updates_of_what_changes_often_are_hot(road):
    for tens in range(10):
        await road.apply(road.batch(*[item | {"externalId": f"{tens}{item['externalId']}"} for item in LEAN]))

    for quantity in range(2, 22):
        changed = [
            item | {"inventoryQuantity": quantity, "retailPrice": f"{quantity}.5"} for item in LEAN[quantity::20]
        ]
        await road.apply(
            road.batch(
                *[item | {"externalId": f"{tens}{item['externalId']}"} for item in changed for tens in range(10)]
            )
        )

    await road.connection.execute("SELECT pg_stat_force_next_flush()")
    row = await road.connection.fetchrow(
        "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'feed_variants'"
    )
    assert row["n_tup_upd"] > 4000
    assert row["n_tup_hot_upd"] >= 0.99 * row["n_tup_upd"]


async def test_ids_are_not_burnt_by_what_is_there_already(road):
    for quantity in range(3):
        await road.apply(road.batch(*[item | {"inventoryQuantity": quantity} for item in LEAN[:50]]))
    await road.apply(road.batch({"externalId": "new"}))

    assert list(range(1, 52)) == sorted(row["id"] for row in (await road.rows()).values())


async def test_the_compare_is_planned_over_the_primary_key_even_on_an_empty_table(road):
    from workers.apply.arrays import numbers, texts  # noqa: PLC0415
    from workers.apply.statements import differing_rows  # noqa: PLC0415

    plan = await road.connection.fetch(
        "EXPLAIN " + differing_rows(("vendorSku",), with_details=True),
        1,
        numbers([1]),
        numbers([1]),
        texts(["a"]),
        numbers([5]),
    )

    assert any("Index Scan using feed_variants_pkey" in row[0] for row in plan)
