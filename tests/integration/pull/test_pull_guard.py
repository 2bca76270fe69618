"""Files about which there is doubt: held, approved, or over with the next good one; and what a file no longer has."""

import asyncio
import gzip
import hashlib

import pytest
from aiohttp import web

from ingest.pull.fetch.spool import Spool
from ingest.pull.main import private_folder
from tests.integration.pull.files import csv_of

STOCK = {f"A-{n:04}": n for n in range(1, 121)}


async def first_page(_request):
    return web.Response(text=csv_of(dict.fromkeys(STOCK, 9)), headers={"Link": '</stock.csv?page=2>; rel="next"'})


async def test_an_empty_file_and_a_first_page_alone_change_nothing_and_are_held(pulling, puller, worker, vendor):
    vendor.files["stock.csv"] = csv_of(STOCK)
    feed = await pulling.feed(fetchCleanup="enabled")
    await pulling.run(puller, feed)

    vendor.files["stock.csv"] = csv_of({})
    run = await pulling.run(puller, feed)
    vendor.files["stock.csv"] = first_page
    page = await pulling.run(puller, feed)

    assert ("held", "empty", 0) == (run["status"], run["error_code"], run["batches"])
    assert ("held", "truncated", 0) == (page["status"], page["error_code"], page["batches"])
    assert "names a next page (Link)" in page["error"]
    assert STOCK == await pulling.quantities(feed)
    assert (await pulling.state(feed))["failing_since"] is not None


async def test_a_file_with_far_fewer_rows_is_held_until_approved(pulling, puller, worker, vendor):
    vendor.files["stock.csv"] = csv_of(STOCK)
    feed = await pulling.feed(fetchCleanup="enabled")
    await pulling.run(puller, feed)

    half = dict(list(STOCK.items())[:60])
    vendor.files["stock.csv"] = csv_of(half)
    held = await pulling.run(puller, feed)
    stored = await pulling.quantities(feed)
    await pulling.approve(held["id"])
    approved = await pulling.carry_out(puller, held["id"])

    assert ("held", "fewer_rows") == (held["status"], held["error_code"])
    assert STOCK == stored
    assert ("succeeded", 60, 4) == (approved["status"], approved["missing"], approved["batches"])
    assert {**dict.fromkeys(STOCK, 0), **half} == await pulling.quantities(feed)


async def test_a_file_of_zeros_alone_is_held_until_approved(pulling, puller, worker, vendor):
    vendor.files["stock.csv"] = csv_of(STOCK)
    feed = await pulling.feed()
    await pulling.run(puller, feed)

    vendor.files["stock.csv"] = csv_of(dict.fromkeys(STOCK, 0))
    held = await pulling.run(puller, feed)
    stored = await pulling.quantities(feed)
    await pulling.approve(held["id"])
    approved = await pulling.carry_out(puller, held["id"])
    again = await pulling.run(puller, feed)

    assert ("held", "all_zero", STOCK) == (held["status"], held["error_code"], stored)
    assert "all quantities in the file are 0, and 120 stored items have one" == held["error"]
    assert ("succeeded", "not modified") == (approved["status"], again["status"])
    assert dict.fromkeys(STOCK, 0) == await pulling.quantities(feed)


async def test_a_held_run_is_over_with_the_next_good_one(pulling, puller, worker, vendor):
    vendor.files["stock.csv"] = csv_of(STOCK)
    feed = await pulling.feed()
    await pulling.run(puller, feed)
    vendor.files["stock.csv"] = csv_of({"A": 1})
    held = await pulling.run(puller, feed)

    vendor.files["stock.csv"] = csv_of({**STOCK, "B": 5})
    good = await pulling.run(puller, feed)

    assert ("held", "succeeded") == (held["status"], good["status"])
    after = await pulling.row(held["id"])
    assert ("cancelled", "superseded", f"run {good['id']} took its place") == (
        after["status"],
        after["error_code"],
        after["error"],
    )


async def test_an_approved_run_whose_file_changed_is_guarded_again(pulling, puller, worker, vendor):
    vendor.files["stock.csv"] = csv_of(STOCK)
    feed = await pulling.feed()
    await pulling.run(puller, feed)
    vendor.files["stock.csv"] = csv_of({"A": 1})
    held = await pulling.run(puller, feed)

    vendor.files["stock.csv"] = csv_of({"A": 2})
    (private_folder(pulling.settings) / f"feedline-run-{held['id']}-1" / "file.json").unlink()  # as on another machine
    await pulling.approve(held["id"])
    again = await pulling.carry_out(puller, held["id"])

    assert "held" == again["status"]
    assert STOCK == await pulling.quantities(feed)


@pytest.mark.parametrize("rows", [120, 40_000])
async def test_a_compressed_file_that_breaks_off_is_held(pulling, puller, worker, vendor, rows):
    stock = {hashlib.sha256(b"%d" % n).hexdigest(): n for n in range(rows)}
    packed = gzip.compress(csv_of(stock).encode())
    vendor.files["stock.csv"] = packed[: len(packed) * 9 // 10]
    feed = await pulling.feed()

    run = await pulling.run(puller, feed)

    assert ("held", "truncated") == (run["status"], run["error_code"])
    assert run["rows_read"] == run["rows_mapped"] + run["rows_rejected"]
    assert run["rows_mapped"] < rows
    assert (rows == 40_000) == (run["rows_mapped"] > 0)
    assert {} == await pulling.quantities(feed)


async def test_a_file_shorter_than_declared_is_held_and_can_be_approved(pulling, puller, worker, vendor, monkeypatch):
    taken, take = asyncio.Event(), Spool.take

    async def telling(spool, chunk):
        await take(spool, chunk)
        taken.set()

    monkeypatch.setattr(Spool, "take", telling)

    async def break_off(request):
        response = web.StreamResponse(headers={"Content-Length": "5000"})
        await response.prepare(request)
        await response.write(csv_of({"A": 1, "B": 2}).encode())
        await taken.wait()  # aiohttp's client forgets what it has not handed out when the connection breaks
        request.transport.close()
        return response

    vendor.files["stock.csv"] = break_off
    feed = await pulling.feed()

    held = await pulling.run(puller, feed)
    stored = await pulling.quantities(feed)
    await pulling.approve(held["id"])
    approved = await pulling.carry_out(puller, held["id"])

    assert ("held", "short", {}) == (held["status"], held["error_code"], stored)
    assert "bytes came of 5000 that the server declared" in held["error"]
    assert ("succeeded", {"A": 1, "B": 2}) == (approved["status"], await pulling.quantities(feed))


async def test_missing_items_get_quantity_0_through_the_road(pulling, puller, worker, vendor):
    vendor.files["stock.csv"] = csv_of({**STOCK, "Z": 0})
    feed = await pulling.feed(fetchCleanup="enabled")
    other = await pulling.feed()
    await pulling.run(puller, feed)
    await pulling.run(puller, other)

    vendor.files["stock.csv"] = csv_of({key: value for key, value in STOCK.items() if key > "A-0020"})
    run = await pulling.run(puller, feed)

    expected = {key: value if key > "A-0020" else 0 for key, value in STOCK.items()} | {"Z": 0}
    assert expected == await pulling.quantities(feed)
    assert {**STOCK, "Z": 0} == await pulling.quantities(other)
    assert ("succeeded", 20, {"unchanged": 100, "updated": 20}) == (run["status"], run["missing"], run["counts"])


async def test_a_row_that_was_refused_is_not_missing(pulling, puller, worker, vendor):
    vendor.files["stock.csv"] = csv_of({"A": 1, "B": 2, "C": 3, "D": 4})
    feed = await pulling.feed(fetchCleanup="enabled")
    await pulling.run(puller, feed)

    vendor.files["stock.csv"] = csv_of({"A": 1, "B": "many", "C": 3})
    run = await pulling.run(puller, feed)

    assert ("partial", 1) == (run["status"], run["missing"])
    assert {"A": 1, "B": 2, "C": 3, "D": 0} == await pulling.quantities(feed)


async def test_without_clean_up_missing_items_stay(pulling, puller, worker, vendor):
    vendor.files["stock.csv"] = csv_of({"A": 1, "B": 2, "C": 3, "D": 4})
    feed = await pulling.feed()
    await pulling.run(puller, feed)

    vendor.files["stock.csv"] = csv_of({"A": 1, "B": 2, "C": 3})
    await pulling.run(puller, feed)

    assert {"A": 1, "B": 2, "C": 3, "D": 4} == await pulling.quantities(feed)
