"""A window that changes hot attributes alone is one statement: all of it is written, within the limit, or nothing."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest
import structlog.testing

from schemas.errors import Transient
from workers.apply import glimpse
from workers.apply.known import REMEMBERED_FOR

ITEMS = [{"externalId": f"{n}", "inventoryQuantity": 1} for n in range(3)]
CHANGED = [item | {"inventoryQuantity": 2} for item in ITEMS]
EVERYTHING = """
SELECT (SELECT array_agg(v ORDER BY v.id)::text FROM feed_variants v), (SELECT array_agg(u)::text FROM usage u),
       (SELECT count(*) FROM receipts), (SELECT array_agg(m)::text FROM feed_minutes m)
"""


@pytest.fixture
async def stored(road):
    """The road with `ITEMS` stored yesterday, under a limit of 10; `statements` are those of its connection since."""
    await road.limit(10)
    await road.apply(road.batch(*ITEMS))
    road.now += timedelta(days=1)
    road.statements = []
    road.connection.add_query_logger(lambda record: road.statements.append(record.query))
    return road


@pytest.fixture
def between(monkeypatch):
    """`between(steps)`: awaits them after the next window has looked, and before it writes."""

    def between(*steps):
        look, left = glimpse.at, list(steps)

        async def at(*window):
            seen = await look(*window)
            while left:
                await left.pop(0)
            return seen

        monkeypatch.setattr(glimpse, "at", at)

    return between


async def store_in_second(road):
    """Store `ITEMS` in the feed that rejects what is over the limit, yesterday."""
    await road.apply(road.batch(*ITEMS, feed=2, at=road.now - timedelta(days=1)))


async def everything(road):
    return await road.connection.fetchrow(EVERYTHING)


async def until_it_waits(road, other):
    """Wait until the road's connection waits for a lock."""
    while not await other.connection.fetchval(
        "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $1", road.connection.get_server_pid()
    ):
        pass


async def quantities(road):
    return {name: row["inventory_quantity"] for (_, name), row in sorted((await road.rows()).items())}


async def test_a_changed_window_takes_three_statements_charges_its_day_once_and_tells_of_it(stored):
    await stored.limit(3)
    await asyncio.sleep(0)  # a logger hears of a statement in the loop's next turn
    stored.statements.clear()

    with structlog.testing.capture_logs() as logs:
        first = await stored.apply(stored.batch(*CHANGED[:2]), stored.batch(CHANGED[2]))
    second = await stored.outcomes(*ITEMS)
    await asyncio.sleep(0)

    assert [{"updated": 2}, {"updated": 1}] == [each.counts for each in first.batches]
    assert (["updated"] * 3, 6) == (second, len(stored.statements))
    assert [3, 3] == list((await stored.used()).values())
    assert ["daily_sku_limit_near", "daily_sku_limit_reached"] == [log["event"] for log in logs]
    minutes = await stored.connection.fetch("SELECT created, updated FROM feed_minutes ORDER BY minute")
    assert [(3, 0), (0, 6)] == [tuple(row) for row in minutes]


@pytest.mark.parametrize(
    ("meanwhile", "outcomes"),
    [
        ("UPDATE feed_variants SET variant_id = NULL WHERE external_id = '1'", ["updated"] * 3),
        ("DELETE FROM feed_variants WHERE external_id = '1'", ["updated", "created", "updated"]),
        (
            "DELETE FROM feed_variants WHERE feed_id = 1; UPDATE inventory_feeds SET deleted_at = now() WHERE id = 1",
            ["rejected"] * 3,
        ),
        ("UPDATE accounts SET daily_sku_limit = 1", ["updated", "deferred", "deferred"]),
        ("INSERT INTO usage SELECT 1, max(day) + 1, 9 FROM usage", ["updated", "deferred", "deferred"]),
        ("INSERT INTO usage SELECT 1, max(day) + 1, 10 FROM usage", ["deferred"] * 3),
    ],
    ids=["a row moved", "a row is gone", "the feed is gone", "limit lowered", "limit nearly filled", "limit filled"],
)
async def test_what_is_so_no_more_is_found_out_and_the_window_done_again(stored, between, meanwhile, outcomes):
    between((await stored.another()).connection.execute(meanwhile))
    sent = stored.batch(*CHANGED)

    result = await stored.apply(sent)

    assert outcomes == [line["outcome"] for line in result.batches[0].items]
    written = [outcome in ("updated", "created") for outcome in outcomes]
    rows = await quantities(stored)
    assert [2 if each else 1 for each in written] == [rows.get(item["externalId"], 1) for item in ITEMS]
    (used,) = [used for day, used in (await stored.used()).items() if day == stored.now.date()] or [0]
    assert sum(written) == used if "INSERT" not in meanwhile else used == 10
    assert 1 == await stored.connection.fetchval("SELECT count(*) FROM receipts WHERE batch_id = $1", sent.batch_id)


async def test_where_a_day_was_short_its_windows_look_first_for_a_while(stored):
    await store_in_second(stored)
    await stored.limit(2)
    found = []
    for late, item in enumerate((*CHANGED, CHANGED[2], ITEMS[0], CHANGED[2])):
        stored.now += REMEMBERED_FOR * (late == len(ITEMS) + 2)
        await asyncio.sleep(0)
        stored.statements.clear()
        outcomes = await stored.outcomes(item, feed=2)
        await asyncio.sleep(0)
        found.append((*outcomes, sum("expect_rows" in query for query in stored.statements)))

    assert [("updated", 1), ("updated", 1), ("rejected", 1), ("rejected", 0), ("updated", 1), ("rejected", 1)] == found


async def test_what_waits_for_a_days_room_is_left_to_it_by_who_has_not_looked(stored):
    await store_in_second(stored)
    await stored.limit(2)
    assert ["deferred"] == await stored.outcomes({"externalId": "late"}, at=stored.now - timedelta(days=1))

    assert ["updated", "rejected"] == [(await stored.outcomes(item, feed=2))[0] for item in CHANGED[:2]]


async def test_a_limit_is_held_to_what_another_window_commits_while_it_is_waited_for(stored):
    await stored.outcomes(CHANGED[0])
    other = await stored.another()
    async with other.connection.transaction():
        await other.connection.execute("UPDATE usage SET used = 9 WHERE used = 1")
        window = asyncio.create_task(stored.outcomes(*CHANGED[1:]))
        await until_it_waits(stored, other)

    assert ["updated", "deferred"] == await window
    assert [3, 10] == sorted((await stored.used()).values())


async def test_what_another_writes_of_a_row_while_it_is_waited_for_stays(stored):
    other = await stored.another()
    async with other.connection.transaction():
        await other.connection.execute("UPDATE feed_variants SET variant_id = 7 WHERE external_id = '1'")
        window = asyncio.create_task(stored.outcomes(*CHANGED))
        await until_it_waits(stored, other)

    assert ["updated"] * 3 == await window
    assert [(2, None), (2, 7), (2, None)] == [
        (row["inventory_quantity"], row["variant_id"]) for _, row in sorted((await stored.rows()).items())
    ]
    assert 3 == (await stored.used())[stored.now.date()]


@pytest.mark.parametrize("end", ["statement timeout", "cancelled", "killed"])
async def test_a_statement_that_is_ended_after_it_has_written_rows_leaves_nothing(stored, end):
    await stored.outcomes(CHANGED[0])
    before = await everything(stored)
    other = await stored.another()
    async with other.connection.transaction():
        await other.connection.execute("SELECT FROM usage FOR UPDATE")
        if end == "statement timeout":
            await stored.connection.execute("SET statement_timeout = '100ms'")
        window = asyncio.create_task(stored.outcomes(*CHANGED[1:]))
        if end != "statement timeout":
            await until_it_waits(stored, other)
        if end == "cancelled":
            window.cancel()
        if end == "killed":
            await other.connection.execute("SELECT pg_terminate_backend($1)", stored.connection.get_server_pid())
        with pytest.raises(asyncio.CancelledError if end == "cancelled" else Transient):
            await window

    assert before == await everything(other)
    assert {"updated": 2} == (await other.apply(stored.batch(*CHANGED[1:]))).batches[0].counts


async def test_poison_among_changed_numbers_is_dead_alone(stored):
    await stored.connection.execute("ALTER TABLE feed_variants ADD CHECK (inventory_quantity <> 666)")
    sent = stored.batch(CHANGED[0], ITEMS[1] | {"inventoryQuantity": 666}, CHANGED[2])

    result = await stored.apply(sent, stored.batch({"externalId": "0", "inventoryQuantity": 3}))

    assert (True, [{"updated": 2, "dead": 1}, {"updated": 1}]) == (
        result.split,
        [each.counts for each in result.batches],
    )
    assert ({"0": 3, "1": 1, "2": 2}, 2) == (await quantities(stored), (await stored.used())[stored.now.date()])


async def test_neighbours_that_do_not_look_never_exceed_a_limit_and_use_all_of_it(stored):
    items = [{"externalId": f"{number:02}", "inventoryQuantity": 1} for number in range(40)]
    await stored.limit(None)
    stored.now -= timedelta(days=1)
    await stored.apply(stored.batch(*items), stored.batch(*items, feed=2))
    await stored.limit(50)
    stored.now += timedelta(days=1)

    async def work(feed):
        road = await stored.another()
        road.now = stored.now
        for start in range(0, 40, 4):
            changed = [item | {"inventoryQuantity": 2} for item in items[start : start + 4]]
            await road.apply(road.batch(*changed, feed=feed))

    await asyncio.gather(work(1), work(2))

    assert 50 == (await stored.used())[stored.now.date()]
    assert 50 == sum(row["inventory_quantity"] == 2 for row in (await stored.rows()).values())


def test_the_code_of_the_error_is_one_that_postgres_leaves_to_others():
    assert "W0001" not in {
        getattr(each, "sqlstate", None) for each in vars(asyncpg.exceptions).values() if isinstance(each, type)
    }
