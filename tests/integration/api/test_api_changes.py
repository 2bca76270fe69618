"""The change stream and the history of one feed variant, over the API, with a worker at the other end."""

import asyncio
import time

import orjson
import psycopg
import pytest

from ingest.api.resources import changes as resource
from ingest.changes import history
from tests.cases import in_one_test
from tests.integration.api.road import parse_webhook, until

STREAM, CHANGES = "/api/change-stream.json", "/api/changes.json"


@pytest.fixture
async def feed(api, worker):
    """A feed of an account that keeps its changes."""
    await api.ok("PUT", STREAM, {"enabled": True})
    return await api.new_feed()


async def send(api, feed, external_id="a", **item):
    return await api.ok("PUT", parse_webhook(feed), {"externalId": external_id, **item})


async def settled(api):
    """Wait until no transaction runs that began before now: until then a reader is told of nothing that came after it,
    and a worker's duties, or Postgres' own, run whenever they like."""
    now = api.execute("SELECT pg_current_xact_id()::text::bigint")

    async def oldest():
        return api.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")

    await until(oldest, lambda number: number > now)


async def read(api, after=None, **query):
    query = {name: value for name, value in {"after": after, **query}.items() if value is not None}
    return await api.ok("GET", CHANGES, params=query)


async def test_an_account_that_keeps_no_changes_is_told_how_to(api):
    problem = await api.problem(409, "GET", CHANGES)
    assert "PUT /api/change-stream.json" in problem["detail"]
    assert {"enabled": False, "queue": False} == await api.ok("GET", STREAM)


async def test_changes_are_read_in_order_from_cursor_to_cursor(api, feed):
    for quantity in (1, 2, 2, 3):
        stored = await send(api, feed, inventoryQuantity=quantity, retailPrice="9.50")
    await settled(api)

    first = await read(api, limit=1)
    second = await read(api, first["cursor"])
    third = await read(api, second["cursor"])

    told = [(c["action"], c["changes"].get("inventoryQuantity")) for c in first["changes"] + second["changes"]]
    assert [("created", {"old": None, "new": 1}), *(("updated", {"old": n, "new": n + 1}) for n in (1, 2))] == told
    assert ({"old": None, "new": 9.5}, stored["id"]) == (
        first["changes"][0]["changes"]["retailPrice"],
        first["changes"][0]["inventoryFeedVariantId"],
    )
    assert (True, False, [], False) == (first["more"], second["more"], third["changes"], third["more"])
    assert first == await read(api, limit=1)


async def test_a_long_poll_answers_when_something_changes(api, feed):
    begin = await read(api, "now")
    assert [] == begin["changes"]
    waiting = asyncio.create_task(read(api, begin["cursor"], wait=30))

    await send(api, feed)

    assert ["created"] == [change["action"] for change in (await waiting)["changes"]]
    await settled(api)
    began = time.monotonic()
    assert [] == (await read(api, "now", wait=1))["changes"]
    assert time.monotonic() - began > 0.9


async def test_a_cursor_never_passes_by_a_commit_that_comes_late(api, feed):
    """A slow transaction holds an earlier position than one that commits before it."""
    late = """INSERT INTO events (account_id, position, at, event, feed_id, batch_id, received_at, source, body)
        VALUES (%s, pg_current_xact_id()::text::bigint << 12, now(), 'inventory.changed', %s, gen_random_uuid(), now(),
        'webhook', '[[0, 1, "late", null, "updated", false, null]]')"""
    begin = (await read(api, "now"))["cursor"]
    with psycopg.connect(api.database) as slow:
        slow.execute(late, [api.account_id, feed["id"]])
        await send(api, feed, "early")
        assert 1 == api.execute("SELECT count(*) FROM events WHERE convert_from(body, 'UTF8') LIKE '%%early%%'")
        held = await read(api, begin)
        assert [] == held["changes"]
        slow.commit()
    await settled(api)

    assert ["late", "early"] == [change["externalId"] for change in (await read(api, held["cursor"]))["changes"]]


async def test_a_cursor_that_is_too_old_is_told_so(api, feed):
    problem = await api.problem(410, "GET", CHANGES, params={"after": f"7.{int(time.time()) - 3 * 86_400 - 60}"})

    assert "api.changes.list.gone" == problem["title"]
    assert "after=now" in problem["detail"]


@in_one_test("after", ["x", "1", "1.2.3", "-1.5", "9" * 30 + ".1"])
async def test_what_is_no_cursor_is_refused(api, feed, after):
    await api.problem(400, "GET", CHANGES, params={"after": after})


async def test_server_sent_events_tell_the_same_and_go_on_after_the_last_one_seen(api, feed, monkeypatch):
    async def events(count, **headers):
        headers |= {"Authorization": f"Bearer {api.token}", "Accept": "text/event-stream"}
        async with asyncio.timeout(120), api.client.get(CHANGES, headers=headers) as answer:
            assert "text/event-stream" == answer.content_type
            told = []
            while len(told) < count:
                block = (await answer.content.readuntil(b"\n\n")).decode()
                fields = dict(line.split(": ", 1) for line in block.strip().splitlines() if not line.startswith(":"))
                if "data" in fields:
                    told.append((fields.get("id"), orjson.loads(fields["data"])))
            return told

    await send(api, feed, "a")
    await send(api, feed, "b")
    first = await events(2)
    await send(api, feed, "c")
    after = await events(1, **{"Last-Event-ID": first[-1][0]})

    assert ["a", "b", "c"] == [change["externalId"] for _, change in first + after]
    assert (await read(api))["changes"] == [change for _, change in first + after]


async def test_those_who_wait_are_bounded_by_account(api, feed, monkeypatch):
    waiting = api.client.server.app[resource.WAITING]
    monkeypatch.setattr(waiting, "_most", 0)
    await api.problem(429, "GET", CHANGES, params={"after": "now", "wait": 5})


async def history_of(api, stored, before=None):
    path = f"/api/inventory-feed-variants/{stored['id']}/history.json"
    return await api.ok("GET", path, params={"before": before} if before else {})


async def test_the_history_answers_why_the_quantity_is_what_it_is(api, feed):
    await send(api, feed, inventoryQuantity=9)
    for _ in range(3):
        await send(api, feed, inventoryQuantity=9)
    await api.problem(422, "PUT", parse_webhook(feed), json={"externalId": "a", "inventoryQuantity": "many"})
    stored = await send(api, feed, inventoryQuantity=7)
    await send(api, feed, "another", inventoryQuantity=1)

    told = await history_of(api, stored)

    assert [("updated", 1), ("unchanged", 3), ("created", 1)] == [
        (entry["outcome"], entry["times"]) for entry in told["entries"]
    ]
    newest, folded, _ = told["entries"]
    assert ({"inventoryQuantity": {"old": 9, "new": 7}}, "api") == (newest["changes"], newest["source"])
    assert folded["since"] < folded["receivedAt"]
    assert (True, 6, None) == (told["changesKept"], told["receiptsLookedAt"], told["next"])
    assert 200 == (await api.call("GET", f"/api/batches/{newest['batchId']}.json")).status


async def test_a_history_without_change_records_tells_what_receipts_know(api, worker):
    feed = await api.new_feed()
    stored = await send(api, feed, inventoryQuantity=9)
    await send(api, feed, inventoryQuantity=9)

    told = await history_of(api, stored)

    assert (["unchanged"], False) == ([entry["outcome"] for entry in told["entries"]], told["changesKept"])


async def test_a_history_comes_in_pages_that_miss_and_repeat_nothing(api, feed, monkeypatch):
    monkeypatch.setattr(history, "RECEIPTS_OF_A_PAGE", 3)
    monkeypatch.setattr(history, "CHANGES_OF_A_PAGE", 2)
    sent = []
    for quantity in (1, 1, 2, 3, 3, 3, 4, 5):
        stored = await send(api, feed, inventoryQuantity=quantity)
        sent.insert(0, stored["outcome"])

    entries, before = [], None
    for _ in range(10):
        told = await history_of(api, stored, before)
        entries += [entry["outcome"] for entry in told["entries"] for _ in range(entry["times"])]
        before = told["next"]
        if before is None:
            break

    assert (sent, None) == (entries, before)
