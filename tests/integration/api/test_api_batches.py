"""Receipts and usage over the API, as rows of the tables that the workers write."""

import uuid
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from ingest.api.framework.call import SERVICES
from ingest.api.resources.batches import RECEIPTS
from schemas.batches import keyed_batch_id, new_batch_id, sender_batch_id
from tests.cases import in_one_test
from tests.midday import another_day

NOW = datetime.now(UTC)


def store_receipt(api, feed, received_at=NOW, items=(), counts=None):
    batch_id = new_batch_id(feed["id"], int(received_at.timestamp() * 1000), b"k" * 32)
    store(api, feed, batch_id, received_at, (items, counts))
    return str(batch_id)


def store(api, feed, batch_id, received_at=NOW, became=((), None)):
    items, counts = became
    api.execute(
        "INSERT INTO receipts (account_id, batch_id, received_at, feed_id, source, applied_at, counts, items) "
        "VALUES (%s, %s, %s, %s, 'webhook', now(), %s, %s)",
        api.account_id,
        batch_id,
        received_at,
        feed["id"],
        orjson.dumps(counts or {"created": 1}).decode(),
        orjson.dumps(list(items)),
    )


REJECT = {
    "index": 3,
    "externalId": "=1+1",
    "outcome": "rejected",
    "field": "inventoryQuantity",
    "code": "type",
    "message": "expected a whole number, got text",
    "value": "many",
}


async def test_a_receipt_says_what_became_of_each_item(api):
    feed = await api.new_feed()
    unchanged = {"index": 1, "externalId": "b", "outcome": "unchanged"}
    batch_id = store_receipt(api, feed, items=[unchanged, REJECT], counts={"created": 1, "unchanged": 1, "rejected": 1})

    receipt = await api.ok("GET", f"/api/batches/{batch_id}.json")

    assert ("done", feed["id"]) == (receipt["status"], receipt["feedId"])
    assert {"created": 1, "unchanged": 1, "rejected": 1} == receipt["counts"]
    assert [("b", "unchanged"), ("=1+1", "rejected")] == [(i["externalId"], i["outcome"]) for i in receipt["items"]]
    assert {"day", "timeZone", "limit", "used", "deferred", "remaining", "resetsAt"} == set(receipt["usage"])


async def test_a_batch_that_waits_in_the_queue_is_pending(api, settings):
    feed = await api.new_feed()
    batch_id = new_batch_id(feed["id"], int(NOW.timestamp() * 1000), settings.key)

    receipt = await api.ok("GET", f"/api/batches/{batch_id}.json")

    assert ("pending", feed["id"], None, {}) == (
        receipt["status"],
        receipt["feedId"],
        receipt["appliedAt"],
        receipt["counts"],
    )
    assert NOW - timedelta(seconds=1) < datetime.fromisoformat(receipt["receivedAt"]) <= NOW


@pytest.mark.parametrize("column", ["applied_received_at", "empty_at"])
async def test_a_batch_that_its_queue_has_passed_without_a_receipt_may_be_lost(api, settings, column):
    feed = await api.new_feed()
    shard = feed["id"] % settings.shards
    api.execute("INSERT INTO shard_state (shard, worker_id, host) VALUES (%s, %s, 'host')", shard, uuid.uuid4())

    async def status(made_at):
        batch_id = new_batch_id(feed["id"], int(made_at.timestamp() * 1000), settings.key)
        return (await api.ok("GET", f"/api/batches/{batch_id}.json"))["status"]

    assert "pending" == await status(NOW - timedelta(hours=1))
    api.execute(f"UPDATE shard_state SET {column} = %s", NOW)
    assert ["pending", "pending", "lost?"] == [
        await status(NOW - timedelta(seconds=seconds)) for seconds in (0, 59, 61)
    ]
    assert (
        "pending"
        == (await api.ok("GET", f"/api/batches/{keyed_batch_id(feed['id'], 'order 1', settings.key)}.json"))["status"]
    )
    api.execute("UPDATE shard_state SET shard = %s", (shard + 1) % settings.shards)
    assert "pending" == await status(NOW - timedelta(hours=1))


async def test_a_batch_with_an_idempotency_key_is_pending_too(api, settings):
    feed = await api.new_feed()

    receipt = await api.ok("GET", f"/api/batches/{keyed_batch_id(feed['id'], 'monday', settings.key)}.json")

    assert ("pending", None) == (receipt["status"], receipt["receivedAt"])


async def test_a_receipt_warns_of_another_body_under_the_same_idempotency_key(api, settings):
    feed = await api.new_feed()
    first, second, other = (
        sender_batch_id(feed["id"], key, body, settings.key) for key, body in (("a", b"1"), ("a", b"2"), ("b", b"1"))
    )
    store(api, feed, second)
    store(api, feed, other)

    pending, done, apart = [await api.ok("GET", f"/api/batches/{one}.json") for one in (first, second, other)]

    assert [("idempotency_key.reused", [str(second)])] == [(w["code"], w["batchIds"]) for w in pending["warnings"]]
    assert ("pending", [], []) == (pending["status"], done["warnings"], apart["warnings"])


async def test_an_id_that_nobody_gave_out_or_that_is_past_its_days_is_unknown(api, settings):
    feed = await api.new_feed()
    old = int((NOW - timedelta(days=settings.receipt_days, minutes=1)).timestamp() * 1000)

    for batch_id in (uuid.uuid4(), new_batch_id(feed["id"], old, settings.key)):
        problem = await api.problem(404, "GET", f"/api/batches/{batch_id}.json")
        assert problem["title"] == "api.batches.get.not_found"


async def test_another_account_sees_neither_a_receipt_nor_a_pending_batch(api, settings):
    feed = await api.new_feed()
    done = store_receipt(api, feed)
    pending = new_batch_id(feed["id"], int(NOW.timestamp() * 1000), settings.key)

    for batch_id in (done, pending):
        await api.problem(404, "GET", f"/api/batches/{batch_id}.json", token=api.other_token)
    assert await (await api.call("GET", "/api/batches.json", api.other_token)).json() == []


async def test_receipts_are_listed_newest_first_page_by_page(api):
    feed = await api.new_feed()
    stored = [store_receipt(api, feed, NOW - timedelta(minutes=age)) for age in range(5)]

    listed, path = [], "/api/batches.json?limit=2"
    while path:
        response = await api.call("GET", path)
        listed += [receipt["batchId"] for receipt in await response.json()]
        following = response.links.get("next")
        path = str(following["url"].relative()) if following else None

    assert stored == listed


async def test_receipts_are_found_by_feed_time_and_outcome(api):
    first, second = await api.new_feed(), await api.new_feed()
    old = store_receipt(api, first, NOW - timedelta(hours=2), counts={"rejected": 2})
    new = store_receipt(api, first, NOW)
    other = store_receipt(api, second, NOW)
    hour_ago = (NOW - timedelta(hours=1)).isoformat().replace("+00:00", "Z")

    async def found(query):
        return [receipt["batchId"] for receipt in await api.ok("GET", f"/api/batches.json?{query}")]

    assert [new, old] == await found(f"feedId={first['id']}")
    assert [other] == await found(f"feedId={second['id']}")
    assert [old] == await found(f"receivedTo={hour_ago}")
    assert {new, other} == set(await found(f"receivedFrom={hour_ago}"))
    assert [old] == await found("outcome=rejected")


@pytest.mark.new_database
@in_one_test("outcome", ["rejected", "deferred", "dead"])
async def test_what_few_batches_have_is_looked_for_among_those_alone(api, outcome):
    sql = RECEIPTS.receipt_list.sql
    async with api.client.app[SERVICES].pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL enable_seqscan = off")  # which is quicker while nothing is there
        plan = await connection.fetch("EXPLAIN " + sql, api.account_id, None, None, None, None, outcome, None, None, 50)
        words = {word for row in plan for word in row[0].split() if "receipts_default" in word}
        conditions = "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indexrelid = to_regclass($1)"
        used = [found for word in words if (found := await connection.fetchval(conditions, word))]

    assert used
    assert all(f"WHERE (counts ? '{outcome}'::text)" in condition for condition in used), plan


@in_one_test("query", ["after=x", "outcome=lost", "receivedFrom=yesterday", "feedId=0", "colour=red", "after=1_2"])
async def test_a_wrong_filter_is_told(api, query):
    strict = {"Prefer": "handling=strict"}  # without it a parameter that nobody knows is a warning
    problem = await api.problem(400, "GET", f"/api/batches.json?{query}", headers=strict)

    assert [query.partition("=")[0]] == list(problem["details"])


async def test_the_rejects_of_a_batch_come_as_json_and_as_a_harmless_csv(api):
    feed = await api.new_feed()
    batch_id = store_receipt(api, feed, items=[{"index": 0, "externalId": "a", "outcome": "unchanged"}, REJECT])

    (reject,) = await api.ok("GET", f"/api/batches/{batch_id}/rejects.json")
    response = await api.call("GET", f"/api/batches/{batch_id}/rejects.csv")

    assert ("inventoryQuantity", "type", "many") == (reject["field"], reject["code"], reject["value"])
    assert response.content_type == "text/csv"
    assert [
        "index,externalId,field,code,message,value",
        '3,\'=1+1,inventoryQuantity,type,"expected a whole number, got text",many',
    ] == (await response.text()).splitlines()


async def test_the_rejects_of_a_pending_batch_cannot_be_told_yet(api, settings):
    feed = await api.new_feed()
    pending = new_batch_id(feed["id"], int(NOW.timestamp() * 1000), settings.key)

    problem = await api.problem(409, "GET", f"/api/batches/{pending}/rejects.json")

    assert problem["title"] == "api.batches.rejects.pending"


async def test_usage_is_of_the_accounts_own_day(api):
    zone = another_day()
    api.execute("UPDATE accounts SET daily_sku_limit = 10, time_zone = %s WHERE id = %s", zone, api.account_id)
    today = "INSERT INTO usage (account_id, day, used) VALUES (%s, (now() AT TIME ZONE %s)::date, 7)"
    api.execute(today, api.account_id, zone)

    usage = await api.ok("GET", "/api/usage.json")

    assert (zone, 10, 7, 3, 0) == (
        usage["timeZone"],
        usage["limit"],
        usage["used"],
        usage["remaining"],
        usage["deferred"],
    )
