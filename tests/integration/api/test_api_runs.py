"""Runs over HTTP: fetch now, watch, cancel, approve, rejects; another account sees nothing."""

import asyncio
import csv
import io
import zlib

import orjson
import psycopg
import pytest
from yarl import URL

from ingest.api.framework.downloads import harmless
from tests.cases import in_one_test

CSV = {"resourceType": "ftpCsv", "resourceLocation": "https://files.example.com/stock.csv"}


def path_of(feed, rest):
    return f"/api/inventory-feeds/{feed['id']}/{rest}"


def run_path(run, rest=".json"):
    return f"/api/inventory-feeds/{run['inventoryFeedId']}/runs/{run['id']}{rest}"


def set_status(api, run, status, **columns):
    names = "".join(f", {name} = %s" for name in columns)
    api.execute(f"UPDATE runs SET status = %s{names} WHERE id = %s", status, *columns.values(), run["id"])


async def test_a_run_is_queued_at_once_and_can_be_watched(api):
    feed = await api.new_feed(**CSV)

    response = await api.call("POST", path_of(feed, "fetch.json"))
    run = await response.json()

    assert (202, run_path(run)) == (response.status, response.headers["Location"])
    assert {"status": "queued", "trigger": "manual", "rowsRead": 0, "batches": 0, "counts": {}}.items() <= run.items()
    assert run == await api.ok("GET", run_path(run))
    assert [run] == await api.ok("GET", path_of(feed, "runs.json"))


async def test_a_feed_has_one_active_run_however_often_it_is_asked_for(api):
    feed = await api.new_feed(**CSV)

    first = await api.ok("POST", path_of(feed, "fetch.json"))
    second = await api.ok("POST", path_of(feed, "fetch.json"), {"force": True})

    assert first == second


async def test_runs_come_newest_first_in_pages(api):
    feed = await api.new_feed(**CSV)
    runs = []
    for _ in range(5):
        runs.append(await api.ok("POST", path_of(feed, "fetch.json")))
        set_status(api, runs[-1], "failed")

    first = await api.call("GET", path_of(feed, "runs.json?limit=3"))
    link = first.headers["Link"].partition(">")[0].removeprefix("<")
    second = await api.call("GET", URL(link).path_qs)

    expected = [run["id"] for run in reversed(runs)]
    assert expected == [run["id"] for run in [*await first.json(), *await second.json()]]
    assert "Link" not in second.headers
    assert [] == await api.ok("GET", path_of(feed, "runs.json?status=not%20modified"))


@in_one_test("status, after", [("queued", "cancelled"), ("held", "cancelled"), ("fetching", "fetching")])
async def test_a_run_is_cancelled_at_once_or_its_puller_is_told(api, status, after):
    run = await api.ok("POST", path_of(await api.new_feed(**CSV), "fetch.json"))
    set_status(api, run, status)

    cancelled = await api.ok("POST", run_path(run, "/cancel.json"))

    assert after == cancelled["status"]
    assert True is api.execute("SELECT cancel_requested FROM runs WHERE id = %s", run["id"])


async def test_a_run_that_has_ended_cannot_be_cancelled_or_approved(api):
    run = await api.ok("POST", path_of(await api.new_feed(**CSV), "fetch.json"))
    set_status(api, run, "succeeded")

    assert "api.runs.cancel.ended" == (await api.problem(409, "POST", run_path(run, "/cancel.json")))["title"]
    assert "api.runs.approve.not_held" == (await api.problem(409, "POST", run_path(run, "/approve.json")))["title"]


async def test_a_held_run_is_queued_again_when_approved_unless_another_is_active(api):
    feed = await api.new_feed(**CSV)
    held = await api.ok("POST", path_of(feed, "fetch.json"))
    set_status(api, held, "held", error="half of the rows are gone")
    other = await api.ok("POST", path_of(feed, "fetch.json"))

    busy = await api.problem(409, "POST", run_path(held, "/approve.json"))
    await api.ok("POST", run_path(other, "/cancel.json"))
    approved = await api.ok("POST", run_path(held, "/approve.json"))

    assert "api.runs.approve.busy" == busy["title"]
    assert ("queued", None) == (approved["status"], approved["error"])
    assert approved["approvedAt"] is not None


async def test_a_run_that_is_queued_while_another_is_approved_comes_first(api):
    feed = await api.new_feed(**CSV)
    held = await api.ok("POST", path_of(feed, "fetch.json"))
    set_status(api, held, "held")

    with psycopg.connect(api.database) as scheduler:
        scheduler.execute("INSERT INTO runs (account_id, feed_id, trigger) VALUES (1, %s, 'schedule')", (feed["id"],))
        approving = asyncio.create_task(api.problem(409, "POST", run_path(held, "/approve.json")))
        async with asyncio.timeout(120):
            while not api.execute("SELECT count(*) FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110 - Postgres gives no signal
                await asyncio.sleep(0)
        scheduler.commit()

    assert "api.runs.approve.busy" == (await approving)["title"]


async def test_what_a_held_run_would_change_comes_in_numbers_and_as_csv(api):
    run = await api.ok("POST", path_of(await api.new_feed(**CSV), "fetch.json"), {"dryRun": True})
    busy = await api.problem(409, "POST", path_of({"id": run["inventoryFeedId"]}, "fetch.json"))
    none = await api.problem(404, "GET", run_path(run, "/diff.json"))
    set_status(api, run, "held")
    numbers = dict.fromkeys(("created", "changed", "unchanged", "zeroed", "emptied", "repriced", "missing"), 1)
    change = {"field": "inventoryQuantity", "stored": 3, "new": 0}
    summary = {
        **numbers,
        "unitsBefore": 9,
        "unitsAfter": 6,
        "day": "2026-05-04",
        "limit": None,
        "used": 2,
        "cost": 3,
        "note": None,
        "examples": {"zeroed": [{"externalId": "=A", "changes": [change]}]},
    }
    api.execute("INSERT INTO run_diffs (run_id, summary) VALUES (%s, %s)", run["id"], orjson.dumps(summary).decode())
    entries = [
        [["created", "N", [["name", None, "new"], ["inventoryQuantity", None, 4]]]],
        [["zeroed", "=A", [["inventoryQuantity", 3, 0]]], ["changed", "B", [["tags", [], ["x"]]]]],
    ]
    for position, chunk in enumerate(entries):
        packed = zlib.compress(orjson.dumps(chunk))
        api.execute("INSERT INTO run_diff_chunks VALUES (%s, %s, %s)", run["id"], position, packed)

    run = await api.ok("GET", run_path(run))
    diff = await api.ok("GET", run_path(run, "/diff.json"))
    response = await api.call("GET", run["diffUrl"])

    await api.ok("POST", run_path(run, "/cancel.json"))
    assert 0 == api.execute("SELECT count(*) FROM run_diff_chunks WHERE run_id = %s", run["id"])
    assert ("api.runs.fetch.busy", "api.runs.diff.no_diff", True) == (busy["title"], none["title"], run["dryRun"])
    assert {**numbers, "unitsBefore": 9, "unitsAfter": 6, "cost": 3, "runId": run["id"]}.items() <= diff.items()
    assert {"zeroed": [{"externalId": "=A", "changes": [change]}]} == diff["examples"]
    assert [
        ["change", "externalId", "field", "stored", "new"],
        ["created", "N", "inventoryQuantity", "", "4"],
        ["zeroed", "'=A", "inventoryQuantity", "3", "0"],
        ["changed", "B", "tags", "[]", '["x"]'],
    ] == list(csv.reader(io.StringIO(await response.text())))
    assert "text/csv" == response.content_type


async def test_rejects_come_as_csv_and_json(api):
    run = await api.ok("POST", path_of(await api.new_feed(**CSV), "fetch.json"))
    set_status(api, run, "partial", rows_rejected=1)
    api.execute(
        "INSERT INTO run_rejects VALUES (%s, 0, 17, 'A-1', 'inventoryQuantity', 'Stock', 'type', %s, %s)",
        run["id"],
        'expected, "a"',
        "=cmd()",
    )

    run = await api.ok("GET", run_path(run))
    listed = await api.ok("GET", run_path(run, "/rejects.json"))
    response = await api.call("GET", run["rejectsUrl"])

    expected = ["17", "A-1", "inventoryQuantity", "Stock", "type", 'expected, "a"']
    assert expected == [str(value) for value in listed[0].values()][:6]
    rows = list(csv.reader(io.StringIO(await response.text())))
    assert ["row", "externalId", "field", "column", "code", "message", "value", "skipped"] == rows[0]
    assert [*expected, "'=cmd()", "False"] == rows[1]
    assert "text/csv" == response.content_type

    api.execute("UPDATE run_rejects SET record = %s", '[["SKU","A-1"],["Stock","=cmd()"]]')
    response = await api.call("GET", run_path(run, "/rejected-rows.csv"))
    rows = list(csv.reader(io.StringIO(await response.text())))
    assert [["SKU", "Stock", "wrongColumn", "wrong"], ["A-1", "'=cmd()", "Stock", 'row 17: expected, "a"']] == rows


@pytest.mark.parametrize(("cell", "expected"), [("=1+1", "'=1+1"), ("-5", "-5"), ("+a", "'+a"), ("5", "5"), (7, 7)])
def test_no_cell_is_taken_for_a_formula(cell, expected):
    assert expected == harmless(cell)


async def test_a_webhook_feed_and_a_disabled_one_are_not_fetched(api):
    pushed = await api.new_feed()
    disabled = await api.new_feed(**CSV, enabled=False)

    assert "api.runs.fetch.not_pulled" == (await api.problem(409, "POST", path_of(pushed, "fetch.json")))["title"]
    assert "api.runs.fetch.disabled" == (await api.problem(409, "POST", path_of(disabled, "fetch.json")))["title"]


async def test_another_account_finds_no_run(api):
    run = await api.ok("POST", path_of(await api.new_feed(**CSV), "fetch.json"))
    set_status(api, run, "held", rows_rejected=1)
    feed = {"id": run["inventoryFeedId"]}

    for method, path in (
        ("POST", path_of(feed, "fetch.json")),
        ("GET", path_of(feed, "runs.json")),
        ("GET", run_path(run)),
        ("GET", run_path(run, "/rejects.csv")),
        ("GET", run_path(run, "/rejected-rows.csv")),
        ("GET", run_path(run, "/rejects.json")),
        ("POST", run_path(run, "/cancel.json")),
        ("POST", run_path(run, "/approve.json")),
    ):
        await api.problem(404, method, path, token=api.other_token)
    assert "held" == (await api.ok("GET", run_path(run)))["status"]


async def test_a_feed_tells_how_it_is_doing_and_can_be_sent_back(api):
    feed = await api.new_feed(**CSV)
    api.execute(
        "INSERT INTO pull_feeds (feed_id, account_id, planned_for, time_zone, next_fetch_at, last_run_id,"
        " last_run_status, last_run_at, failing_since) VALUES (%s, %s, now(), 'UTC', '2026-05-04T10:00Z', 7,"
        " 'not modified', '2026-05-04T09:00Z', '2026-05-01T09:00Z')",
        feed["id"],
        api.account_id,
    )
    path = f"/api/inventory-feeds/{feed['id']}.json"

    read = await api.ok("GET", path)
    listed = await api.ok("GET", "/api/inventory-feeds.json")
    sent_back = await api.ok("PUT", path, read)

    assert {
        "nextFetchAt": "2026-05-04T10:00:00Z",
        "lastRunId": 7,
        "lastRunStatus": "not modified",
        "lastRunAt": "2026-05-04T09:00:00Z",
        "lastSuccessAt": None,
        "failingSince": "2026-05-01T09:00:00Z",
    }.items() <= read.items()
    assert [read] == listed
    assert {"read_only"} == {warning["code"] for warning in sent_back["warnings"]}
