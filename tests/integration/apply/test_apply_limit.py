"""The daily SKU limit in Postgres: deferred and released, refunded by a rollback, never exceeded by neighbours."""

import asyncio
from datetime import date, timedelta

import pytest
import structlog.testing

from schemas.batches import Operation
from schemas.errors import Transient
from workers.apply import charging, complete
from workers.apply.alerts import crossed
from workers.apply.blame import Trouble
from workers.apply.purse import Purse

TODAY = date(2026, 3, 1)


def items(count, quantity=1, start=0):
    return [{"externalId": f"{number:04}", "inventoryQuantity": quantity} for number in range(start, start + count)]


async def deferred(road):
    rows = await road.connection.fetch("SELECT external_id FROM deferred_items ORDER BY position")
    return [row[0] for row in rows]


async def test_what_is_over_the_limit_waits_and_is_applied_when_released_the_next_day(road):
    await road.limit(2)
    assert ["created", "created", "deferred"] == await road.outcomes(*items(3))
    assert ["deferred"] == await road.outcomes({"externalId": "0002", "retailPrice": "5"})

    road.now += timedelta(days=1)
    released = await road.outcomes({"externalId": "0002"}, operation=Operation.RELEASE)

    row = (await road.rows())[1, "0002"]
    assert (["created"], 1, 5) == (released, row["inventory_quantity"], row["retail_price"])
    assert ([], {TODAY: 2, TODAY + timedelta(days=1): 1}) == (await deferred(road), await road.used())


async def test_a_release_of_what_no_longer_waits_is_superseded_and_creates_nothing(road):
    assert ["superseded"] == await road.outcomes({"externalId": "a"}, operation=Operation.RELEASE)
    assert {} == await road.rows()


async def test_a_later_item_takes_along_what_waits(road):
    await road.limit(0)
    await road.outcomes({"externalId": "a", "inventoryQuantity": 1, "name": "n"})
    await road.limit(None)

    assert ["created"] == await road.outcomes({"externalId": "a", "inventoryQuantity": 2})

    row = (await road.rows())[1, "a"]
    assert (2, '{"name": "n"}', []) == (row["inventory_quantity"], row["details"], await deferred(road))


async def test_a_feed_may_refuse_what_is_over_the_limit(road):
    await road.limit(1)
    sent = road.batch(*items(2), feed=2)

    await road.apply(sent)

    counts, (line,) = await road.receipt(sent)
    assert ({"created": 1, "rejected": 1}, "limit.daily_sku") == (counts, line["code"])
    assert [] == await deferred(road)


async def test_a_delete_is_free_and_takes_what_waits_along(road):
    await road.limit(1)
    await road.outcomes({"externalId": "0000", "inventoryQuantity": 1, "name": "n"}, *items(1, start=1))

    assert ["updated", "unchanged"] == await road.outcomes(
        {"externalId": "0000"}, {"externalId": "0001"}, operation=Operation.DELETE
    )

    assert ({}, [], {TODAY: 1}) == (await road.rows(), await deferred(road), await road.used())
    assert 0 == await road.connection.fetchval("SELECT count(*) FROM feed_variant_details")


async def test_a_batch_of_yesterday_is_charged_yesterday_although_it_is_applied_today(road):
    await road.apply(road.batch(*items(2), at=road.now - timedelta(days=1)), road.batch(*items(1, start=5)))

    assert {TODAY - timedelta(days=1): 2, TODAY: 1} == await road.used()


async def test_a_window_that_is_rolled_back_is_refunded(road, monkeypatch):
    await road.limit(5)
    monkeypatch.setattr("workers.apply.transaction.write_receipts", _fail)

    with pytest.raises(Transient):
        await road.apply(road.batch(*items(3)))
    monkeypatch.undo()

    assert ({}, {}) == (await road.rows(), await road.used())


async def _fail(*_):
    raise ConnectionResetError


@pytest.mark.parametrize("limit", [7, 30, 60, 1000])
async def test_neighbours_of_one_account_never_exceed_its_limit_and_use_all_of_it(road, limit):
    await road.limit(limit)
    neighbours = [road, *[await road.another() for _ in range(3)]]
    feeds = [1, *[await _feed(road, number) for number in range(3)]]

    async def work(neighbour, feed):
        for start in range(0, 100, 10):
            await neighbour.apply(neighbour.batch(*items(10, start=start), feed=feed))

    await asyncio.gather(*(work(*pair) for pair in zip(neighbours, feeds, strict=True)))

    stored = len(await road.rows())
    assert ({TODAY: min(limit, 400)}, min(limit, 400)) == (await road.used(), stored)
    assert 400 - stored == len(await deferred(road))


async def _feed(road, number):
    return await road.connection.fetchval(
        """
        INSERT INTO inventory_feeds (account_id, dropship_provider_id, name, resource_type, hash)
        VALUES (1, 1, 'more', 'webhook', $1) RETURNING id
        """,
        f"more-{number}",
    )


async def test_a_window_that_lost_its_room_meanwhile_is_done_again_with_what_is_left(road, monkeypatch):
    await road.limit(4)
    other = await road.another()
    look = charging.look

    async def look_and_be_overtaken(*args, **options):
        await look(*args, **options)
        monkeypatch.undo()
        await other.apply(other.batch(*items(3), feed=2))

    monkeypatch.setattr(charging, "look", look_and_be_overtaken)

    assert ["created", "deferred", "deferred"] == await road.outcomes(*items(3))
    assert {TODAY: 4} == await road.used()


async def test_a_limit_that_is_lowered_in_mid_window_holds(road, monkeypatch):
    await road.limit(10)
    other = await road.another()
    look = charging.look

    async def look_and_lower(*args, **options):
        await look(*args, **options)
        monkeypatch.undo()
        await other.limit(2)

    monkeypatch.setattr(charging, "look", look_and_lower)

    assert ["created", "created", "deferred"] == await road.outcomes(*items(3))


async def test_operators_are_told_once_when_a_day_is_nearly_full_and_once_when_it_is(road):
    await road.limit(10)

    with structlog.testing.capture_logs() as logs:
        for count in (7, 8, 9, 10, 11):
            await road.outcomes(*items(count))

    assert [("daily_sku_limit_near", 8), ("daily_sku_limit_reached", 10)] == [
        (log["event"], log["used"]) for log in logs
    ]


@pytest.mark.parametrize(
    ("limit", "used", "taken", "percents"),
    [
        (10, 8, 1, [80]),
        (10, 8, 0, []),
        (10, 9, 1, []),
        (10, 10, 5, [80, 100]),
        (None, 10, 10, []),
        (3, 3, 1, [80, 100]),
    ],
)
def test_an_alert_is_of_the_window_that_crosses(limit, used, taken, percents):
    assert percents == crossed(Purse(1, TODAY, limit, used=used, taken=taken))


async def test_who_waits_for_a_reply_is_told_the_usage(road):
    await road.limit(2)

    result = await road.apply(road.batch(*items(3)))
    assert result.batches[0].usage is None
    await complete(road.connection, result.batches)

    assert {
        "day": "2026-03-01",
        "timeZone": "UTC",
        "limit": 2,
        "used": 2,
        "deferred": 1,
        "remaining": 0,
        "resetsAt": "2026-03-02T00:00:00Z",
    } == result.batches[0].usage


async def test_when_a_day_begins_fresh_posts_leave_the_room_to_what_was_deferred(road):
    await road.limit(2)
    await road.outcomes(*items(2))
    assert ["deferred"] * 2 == await road.outcomes({"externalId": "late 1"}, {"externalId": "late 2"})
    road.now += timedelta(days=1)

    assert ["deferred"] == await road.outcomes({"externalId": "fresh"})
    released = [{"externalId": "late 1"}, {"externalId": "late 2"}]
    assert ["created", "created"] == await road.outcomes(*released, operation=Operation.RELEASE)


async def test_fresh_posts_have_what_is_left_when_all_that_waits_fits(road):
    await road.limit(0)
    await road.outcomes({"externalId": "late"})
    await road.limit(2)

    assert ["created", "deferred"] == await road.outcomes({"externalId": "a"}, {"externalId": "b"})
    assert ["created"] == await road.outcomes({"externalId": "late"}, operation=Operation.RELEASE)


async def test_an_account_in_a_zone_that_is_not_known_here_is_charged_to_no_other_day(road):
    await road.connection.execute("UPDATE accounts SET time_zone = 'Mars/Olympus'")

    with pytest.raises(Trouble, match="Mars/Olympus"):
        await road.apply(road.batch(*items(1)))

    assert {} == await road.used()


async def test_the_variants_are_locked_before_the_usage_because_others_hold_them_while_they_wait_for_it(road):
    await road.limit(1)
    asked = []
    with road.connection.query_logger(lambda record: asked.append(record.query)):
        await road.outcomes(*({"externalId": name, "vendorSku": name} for name in "ab"))
        await asyncio.sleep(0)

    first = [next(n for n, query in enumerate(asked) if what in query) for what in ("advisory_xact_lock", "OF u")]
    assert sorted(first) == first
