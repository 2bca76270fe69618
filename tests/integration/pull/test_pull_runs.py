"""Whole runs: from a vendor's file to rows, with everything that may be wrong with the file."""

from datetime import UTC, datetime, timedelta

import orjson
from aiohttp import web

from tests.integration.pull.files import csv_of

STOCK = {f"A-{n:04}": n for n in range(1, 121)}


async def test_a_file_becomes_rows_and_the_run_says_so(pulling, puller, worker, vendor):
    vendor.files["stock.csv"] = csv_of(STOCK)
    feed = await pulling.feed()

    run = await pulling.run(puller, feed)

    assert STOCK == await pulling.quantities(feed)
    expected = {"status": "succeeded", "rows_read": 120, "rows_mapped": 120, "rows_rejected": 0, "batches": 3}
    assert expected.items() <= run.items()
    assert {"created": 120} == run["counts"]
    assert (len(csv_of(STOCK)), True, None) == (run["bytes"], run["settled"], run["error"])
    assert run["queued_at"] <= run["started_at"] <= run["ended_at"]


async def test_an_unchanged_file_is_not_parsed_again_unless_forced_or_read_in_another_way(
    pulling, puller, worker, vendor
):
    vendor.files["stock.csv"] = csv_of(STOCK)
    feed = await pulling.feed()
    await pulling.run(puller, feed)

    again = await pulling.run(puller, feed)
    forced = await pulling.run(puller, feed, forced=True)
    other = orjson.dumps({"fetchFrequency": "never", "vendorName": "Acme"}).decode()
    await pulling.execute("UPDATE inventory_feeds SET settings = $1, updated_at = now() WHERE id = $2", other, feed)
    changed = await pulling.run(puller, feed)

    assert ("not modified", None, 0) == (again["status"], again["rows_read"], again["batches"])
    assert ("succeeded", {"unchanged": 120}) == (forced["status"], forced["counts"])
    assert ("succeeded", {"updated": 120}) == (changed["status"], changed["counts"])
    assert [200, 304, 200, 200] == [status for _, status in vendor.asked]


async def test_a_failing_row_never_fails_the_file(pulling, puller, worker, vendor):
    vendor.files["stock.csv"] = csv_of({"A": 1, "B": "in stock", "C": 3})
    feed = await pulling.feed()

    run = await pulling.run(puller, feed)

    assert {"A": 1, "C": 3} == await pulling.quantities(feed)
    assert ("partial", 3, 2, 1) == tuple(run[name] for name in ("status", "rows_read", "rows_mapped", "rows_rejected"))
    reject = dict(await pulling.execute("SELECT * FROM run_rejects WHERE run_id = $1", run["id"]))
    assert {
        "row_number": 3,
        "external_id": "B",
        "field": "inventoryQuantity",
        "source": "inventoryQuantity",
        "value": "in stock",
        "record": '[["externalId","B"],["inventoryQuantity","in stock"]]',
    }.items() <= reject.items()


async def test_a_wrong_price_costs_itself_and_rows_of_one_key_are_folded(pulling, puller, worker, vendor):
    head, rows = "externalId,inventoryQuantity,retailPrice\n", ["A,1,9.90", "B,2,8.50", "B,4,8.50"]
    vendor.files["stock.csv"] = head + "\n".join(rows) + "\n"
    feed = await pulling.feed(duplicates="sum")
    good = await pulling.run(puller, feed)
    vendor.files["stock.csv"] = head + "A,7,on request\nB,2,8.50\nB,1,8.50\n"
    run = await pulling.run(puller, feed)

    assert ("succeeded", 3, 2, 1) == tuple(good[name] for name in ("status", "rows_read", "rows_mapped", "rows_folded"))
    told = ("status", "rows_mapped", "rows_rejected", "attributes_skipped")
    assert ("partial", 2, 0, 1) == tuple(run[name] for name in told)
    assert {"A": 7, "B": 3} == await pulling.quantities(feed)
    prices = await pulling.rows("SELECT external_id, retail_price::text FROM feed_variants ORDER BY 1")
    assert [("A", "9.9"), ("B", "8.5")] == [tuple(row) for row in prices]
    reject = dict(await pulling.execute("SELECT * FROM run_rejects WHERE run_id = $1", run["id"]))
    assert {
        "row_number": 2,
        "external_id": "A",
        "field": "retailPrice",
        "value": "on request",
        "skipped": True,
    }.items() <= (reject.items())
    receipt = await pulling.rows("SELECT items FROM receipts WHERE run_id = $1", run["id"])
    assert b"left out, the stored value stays" in receipt[0]["items"]


async def test_text_that_postgres_cannot_hold_never_fails_the_file(pulling, puller, worker, vendor):
    async def answer(_):
        body = b"externalId,inventoryQuantity\nA,1\nB\0,2\nC,ma\0ny\nD,4\n"
        return web.Response(body=body, headers={"ETag": '"\udcff\udcfe"'})

    vendor.files["stock.csv"] = answer
    feed = await pulling.feed(fetchCleanup="enabled")

    run = await pulling.run(puller, feed)

    assert ("partial", 2) == (run["status"], run["rows_rejected"]), run["error"]
    assert {"A": 1, "D": 4} == await pulling.quantities(feed)


async def test_a_column_that_postgres_cannot_name_is_told_all_the_same(pulling, puller, worker, vendor):
    vendor.files["stock.csv"] = "art\0icle,stock\nA,1\n"
    feed = await pulling.feed(mapping={"externalId": "number"})

    run = await pulling.run(puller, feed)

    assert ("failed", "unreadable") == (run["status"], run["error_code"])


async def test_rejects_are_kept_up_to_a_bound_and_the_others_counted(pulling, puller, worker, vendor):
    vendor.files["stock.csv"] = csv_of({**STOCK, **{f"B-{n}": "many" for n in range(1_200)}})
    feed = await pulling.feed()

    run = await pulling.run(puller, feed)

    kept = (await pulling.execute("SELECT count(*) FROM run_rejects WHERE run_id = $1", run["id"]))["count"]
    assert (1_000, 200, 1_200) == (kept, run["rejects_left_out"], run["rows_rejected"])


async def test_rejects_of_a_feeds_last_20_runs_are_kept_however_many_there_were(pulling, puller, worker, vendor):
    vendor.files["stock.csv"] = "externalId,inventoryQuantity,retailPrice\nA,1,?\n"  # skipped, the row is not rejected
    feed = await pulling.feed()
    await pulling.execute(
        "WITH older AS (INSERT INTO runs (account_id, feed_id, trigger, status, ended_at)"
        " SELECT 1, $1, 'manual', 'partial', now() FROM generate_series(1, 130) RETURNING id)"
        " INSERT INTO run_rejects (run_id, position, row_number, code, message)"
        " SELECT id, 0, 1, 'value', '' FROM older",
        feed,
    )
    kept = []
    for _ in range(3):
        last = await pulling.run(puller, feed, forced=True)
        rows = await pulling.rows("SELECT DISTINCT run_id FROM run_rejects ORDER BY run_id")
        kept.append([row["run_id"] for row in rows])

    assert (0, 1) == (last["rows_rejected"], last["attributes_skipped"])
    assert [31, 20, 20] == [len(ids) for ids in kept]
    assert list(range(last["id"] - 19, last["id"] + 1)) == kept[-1]


async def test_old_runs_are_forgotten_page_by_page_but_for_each_feeds_last_one(pulling, puller, worker, vendor):
    vendor.files["stock.csv"] = csv_of(STOCK)
    feed = await pulling.feed()
    last = await pulling.run(puller, feed)
    await pulling.execute(
        "INSERT INTO runs (account_id, feed_id, trigger, status, ended_at)"
        " SELECT 1, $1, 'manual', 'succeeded', now() FROM generate_series(1, 450)",
        feed,
    )
    days = pulling.settings.pull_run_days

    await puller.scheduler._upkeep(datetime.now(UTC) + timedelta(days=days - 1))
    before = (await pulling.execute("SELECT count(*) FROM runs"))["count"]
    await puller.scheduler._upkeep(datetime.now(UTC) + timedelta(days=days + 1))
    after = await pulling.rows("SELECT id FROM runs")

    assert (451, [last["id"]]) == (before, [row["id"] for row in after])


async def test_the_last_row_of_an_item_wins_however_far_apart(pulling, puller, worker, vendor):
    rows = [f"A-{n % 70},{n}" for n in range(700)]
    vendor.files["stock.csv"] = "externalId,inventoryQuantity\n" + "\n".join(rows) + "\n"
    feed = await pulling.feed()

    run = await pulling.run(puller, feed)

    assert {f"A-{n % 70}": n for n in range(630, 700)} == await pulling.quantities(feed)
    assert ("succeeded", 700) == (run["status"], sum(run["counts"].values()))


async def test_a_file_that_cannot_be_had_fails_the_run_and_shows_no_secret(pulling, puller, worker, vendor):
    feed = await pulling.feed("gone.csv")

    run = await pulling.run(puller, feed)

    assert ("failed", "not_found") == (run["status"], run["error_code"])
    assert "s3cret" not in run["error"]


async def test_a_disabled_feed_is_not_fetched(pulling, puller, worker, vendor):
    feed = await pulling.feed()
    await pulling.execute("UPDATE inventory_feeds SET enabled = false WHERE id = $1", feed)

    run = await pulling.run(puller, feed)

    assert ("cancelled", "disabled", []) == (run["status"], run["error_code"], vendor.asked)
