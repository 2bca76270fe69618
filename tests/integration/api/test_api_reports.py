"""Counts that end, and the report of a feed's day."""

import uuid
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from ingest.api.resources import counts, reports

NOON = datetime(2025, 3, 10, 12, tzinfo=UTC)
VARIANTS = "/api/inventory-feed-variants/count.json"


def store(api, feed, number, sku):
    api.execute(
        "INSERT INTO feed_variants (account_id, feed_id, external_id, vendor_sku, barcode, item_hash, details_hash,"
        " created_at, updated_at) SELECT %s, %s, number::text, %s, %s, 0, 0, now(), now()"
        " FROM generate_series(1, %s) number",
        api.account_id,
        feed["id"],
        sku,
        f"b-{sku}",
        number,
    )


async def test_a_count_follows_the_filters_and_ends(api, monkeypatch):
    one, two = await api.new_feed(), await api.new_feed()
    store(api, one, 7, "a")
    store(api, two, 3, "b")
    await api.ok("POST", "/api/variants.json", [{"sku": "x", "barcode": "1"}, {"sku": "y", "barcode": "1"}])
    bound = await api.ok("POST", "/api/tokens.json", {"name": "v", "inventoryFeedId": two["id"]})

    async def count(query, path=VARIANTS, **options):
        answer = await api.ok("GET", f"{path}?{query}", **options)
        return answer["count"], answer["more"]

    found = [await count(query) for query in ("", f"inventoryFeedId={one['id']}", "vendorSku=b", "barcode=b-b")]
    assert [(10, False), (7, False), (3, False), (3, False)] == found
    assert [(10, False), (0, False)] == [await count("connected=false"), await count("connected=true")]
    assert (3, False) == await count("", token=bound["token"])
    assert (2, False) == await count("barcode=1", "/api/variants/count.json")

    monkeypatch.setattr(counts, "MOST", 5)
    assert [(5, True), (5, True), (3, False)] == [
        await count(query) for query in ("", "connected=false", "vendorSku=b")
    ]
    monkeypatch.setattr(counts, "MOST_LOOKED_AT", 4)
    assert (0, True) == await count("connected=true")  # there may be one behind what was looked at
    await api.problem(400, "GET", f"{VARIANTS}?barcode=none")


def minute(api, feed, at, **outcomes):
    names = ("created", "updated", "unchanged", "superseded", "deferred", "rejected", "dead")
    api.execute(
        "INSERT INTO feed_minutes VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        *(api.account_id, feed["id"], at),
        *(outcomes.get(name, 0) for name in names),
        outcomes.get("lag", 0),
    )


def receipt(api, feed, at, counts, items):
    batch = uuid.uuid4()
    api.execute(
        "INSERT INTO receipts (account_id, batch_id, received_at, feed_id, source, applied_at, counts, items)"
        " VALUES (%s, %s, %s, %s, 'webhook', %s, %s, %s)",
        *(api.account_id, batch, at, feed["id"], at, orjson.dumps(counts).decode(), orjson.dumps(items)),
    )
    return str(batch)


@pytest.fixture
async def day(api):
    """A feed with the day of `NOON` and what borders on it, in an account an hour ahead of UTC."""
    api.execute("UPDATE accounts SET time_zone = 'Europe/Berlin' WHERE id = %s", api.account_id)
    api.feed, other = await api.new_feed(), await api.new_feed()
    minute(api, api.feed, NOON, created=5, updated=2, rejected=3, lag=1500)
    minute(api, api.feed, NOON + timedelta(hours=10, minutes=59), unchanged=4)
    minute(api, api.feed, NOON + timedelta(hours=11), created=1000)  # tomorrow, in Berlin
    minute(api, other, NOON, created=1000)
    field = {"outcome": "rejected", "field": "inventoryQuantity", "code": "type", "message": "expected a number"}
    receipt(api, api.feed, NOON, {"rejected": 2}, [{"index": 0, "externalId": "a\0\\u0000", **field}] * 2)
    api.batch = receipt(
        api,
        api.feed,
        NOON + timedelta(minutes=1),
        {"rejected": 1, "deferred": 1, "unchanged": 1},
        [
            {"index": 0, "externalId": "b", **field},
            {"index": 1, "externalId": "c", "outcome": "deferred"},
            {"index": 2, "externalId": "d", "outcome": "unchanged"},
        ],
    )
    receipt(api, api.feed, NOON + timedelta(days=1), {"rejected": 1}, [{"index": 0, "externalId": "z", **field}])
    run = api.execute(
        "INSERT INTO runs (account_id, feed_id, trigger, status, ended_at, rows_read, rows_rejected)"
        " VALUES (%s, %s, 'manual', 'succeeded', %s, 10, 4) RETURNING id",
        *(api.account_id, api.feed["id"], NOON),
    )
    api.execute(
        "INSERT INTO run_rejects SELECT %s, n, n, 'k', 'x', NULL, 'ragged', 'm' FROM generate_series(1, 4) n", run
    )
    return api


async def test_a_feeds_day_is_told_by_outcome_and_reason(day, monkeypatch):
    path = f"/api/inventory-feeds/{day.feed['id']}/report.json"

    report = await day.ok("GET", f"{path}?day=2025-03-10")

    expected = {"created": 5, "updated": 2, "unchanged": 4, "superseded": 0, "deferred": 0, "rejected": 3, "dead": 0}
    assert expected == report["outcomes"]
    assert ("Europe/Berlin", "2025-03-09T23:00:00Z", 1500) == (
        report["timeZone"],
        report["beginsAt"],
        report["greatestLagMs"],
    )
    told = [(one["outcome"], one["code"], one["field"], one["items"], one["externalId"]) for one in report["reasons"]]
    assert [("rejected", "type", "inventoryQuantity", 3, "b"), ("deferred", "deferred", None, 1, "c")] == told
    assert (day.batch, 2) == (report["reasons"][0]["batchId"], report["receiptsLookedAt"])
    assert (1, 10, 4) == (report["runs"], report["rowsRead"], report["rowsRejected"])
    assert [("ragged", 4)] == [(one["code"], one["rows"]) for one in report["rowReasons"]]
    monkeypatch.setattr(reports, "MOST_RECEIPTS", 1)
    sample = await day.ok("GET", f"{path}?day=2025-03-10")
    assert (1, [1, 1]) == (sample["receiptsLookedAt"], [one["items"] for one in sample["reasons"]])
    empty = await day.ok("GET", path)
    assert ([], 0, None) == (empty["reasons"], empty["receiptsLookedAt"], empty["greatestLagMs"])
    for status, wrong in ((400, "tomorrow"), (400, "2025-02-30"), (422, "0001-01-01"), (422, "9999-12-31")):
        assert ["day"] == list((await day.problem(status, "GET", f"{path}?day={wrong}"))["details"])
