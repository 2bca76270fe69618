"""Files in doubt: held with what they would change, not held anew every hour, applied as shown when approved."""

import zlib

import orjson
import pytest
from aiohttp import web
from prometheus_client import REGISTRY

from tests.integration.pull.files import csv_of
from tests.midday import midday

STOCK = {f"A-{n:02}": n for n in range(1, 21)}
OTHER = {f"B-{n:02}": n for n in range(1, 21)}


def alerts(kind):
    return REGISTRY.get_sample_value("feedline_feed_alerts_total", {"alert": kind}) or 0


async def diff_of(pulling, run):
    row = await pulling.execute("SELECT summary FROM run_diffs WHERE run_id = $1", run["id"])
    return orjson.loads(row["summary"])


async def listed(pulling, run):
    rows = await pulling.rows("SELECT entries FROM run_diff_chunks WHERE run_id = $1 ORDER BY position", run["id"])
    return [entry for row in rows for entry in orjson.loads(zlib.decompress(row["entries"]))]


async def test_a_wrong_file_of_equal_length_is_held_once_with_what_it_would_do_and_does_that_when_approved(
    pulling, puller, worker, vendor
):
    vendor.files["stock.csv"] = csv_of(STOCK)
    feed = await pulling.feed(fetchCleanup="enabled", fetchFrequency="hourly")
    await pulling.execute("UPDATE accounts SET daily_sku_limit = 1000, time_zone = $1", midday())
    await puller.scheduler.turn()
    await pulling.run(puller, feed)
    told = alerts("run_held")

    vendor.files["stock.csv"] = csv_of({**OTHER, "A-20": 19, "A-19": 19})
    held = await pulling.run(puller, feed)
    diff = await diff_of(pulling, held)
    entries = await listed(pulling, held)
    again = await pulling.run(puller, feed)
    state = await pulling.state(feed)
    stored = await pulling.quantities(feed)
    standing = await pulling.row(held["id"])
    await pulling.approve(held["id"])
    approved = await pulling.carry_out(puller, held["id"])

    assert ("held", "missing_items") == (held["status"], held["error_code"])
    assert "18 of the 20 stored items with a quantity are not in the file (allowed: 30 %)" == held["error"]
    expected = {"created": 20, "changed": 1, "unchanged": 1, "zeroed": 18, "emptied": 18, "missing": 18, "repriced": 0}
    assert expected.items() <= diff.items()
    assert (sum(STOCK.values()), sum(OTHER.values()) + 38) == (diff["unitsBefore"], diff["unitsAfter"])
    # what was charged when it was created is free today: only the new ones cost
    assert (1000, 20, 20) == (diff["limit"], diff["used"], diff["cost"])
    assert ["changed", "A-20", [["inventoryQuantity", 20, 19]]] in entries
    assert ["zeroed", "A-01", [["inventoryQuantity", 1, 0]]] in entries
    assert 39 == len(entries)
    example = {"externalId": "A-20", "changes": [{"field": "inventoryQuantity", "stored": 20, "new": 19}]}
    assert [example] == diff["examples"]["changed"]

    assert ("cancelled", "held") == (again["status"], again["error_code"])
    assert f"run {held['id']} holds" in again["error"]
    assert ("held", held["id"], "held") == (standing["status"], state["last_run_id"], state["last_run_status"])
    assert 1 == alerts("run_held") - told
    assert STOCK == stored

    assert ("succeeded", 18) == (approved["status"], approved["missing"])
    assert {"created": 20, "updated": 19, "unchanged": 1} == approved["counts"]
    after = await pulling.quantities(feed)
    assert diff["unitsAfter"] == sum(after.values())
    assert dict.fromkeys(STOCK, 0) | OTHER | {"A-19": 19, "A-20": 19} == after
    assert [] == await listed(pulling, held)  # the list is only needed until then


async def test_a_dry_run_shows_publishes_nothing_and_can_be_approved(pulling, puller, worker, vendor):
    header = "externalId,inventoryQuantity,retailPrice,name\n"
    vendor.files["stock.csv"] = f"{header}A,5,10.00,old\nB,1,1.00,same\nC,1,1,\n"
    feed = await pulling.feed()
    await pulling.run(puller, feed)
    vendor.files["stock.csv"] = f"{header}A,0,15.01,new\nB,1,1.0,same\nC,2,1.50,\nD,7,1,x\nD,8,,\n"
    told, before = alerts("run_held"), await pulling.state(feed)

    run_id = (
        await pulling.execute(
            "INSERT INTO runs (account_id, feed_id, trigger, dry_run) VALUES (1, $1, 'manual', true) RETURNING id", feed
        )
    )["id"]
    dry = await pulling.carry_out(puller, run_id)
    diff = await diff_of(pulling, dry)
    stored = await pulling.quantities(feed)
    state = await pulling.state(feed)
    await pulling.approve(run_id)
    approved = await pulling.carry_out(puller, run_id)

    assert ("held", "dry_run", 0, {}) == (dry["status"], dry["error_code"], dry["batches"], dry["counts"])
    assert {"A": 5, "B": 1, "C": 1} == stored
    assert (before, told) == (state, alerts("run_held"))
    expected = {"created": 1, "changed": 2, "unchanged": 1, "zeroed": 0, "emptied": 1, "repriced": 1}
    assert expected.items() <= diff.items()
    changed = {example["externalId"]: example["changes"] for example in diff["examples"]["changed"]}
    assert {"inventoryQuantity": (5, 0), "retailPrice": ("10", "15.01"), "name": ("old", "new")} == {
        change["field"]: (change["stored"], change["new"]) for change in changed["A"]
    }
    assert "succeeded" == approved["status"]
    assert {"A": 0, "B": 1, "C": 2, "D": 8} == await pulling.quantities(feed)
    assert diff["unitsAfter"] == 11


async def test_a_feed_that_was_made_to_mean_another_file_is_guarded_against_what_is_stored(
    pulling, puller, worker, vendor
):
    vendor.files |= {"stock.csv": csv_of(STOCK), "other.csv": csv_of(OTHER)}
    feed = await pulling.feed()  # without a clean-up
    await pulling.run(puller, feed)
    other = await pulling.feed("other.csv")
    await pulling.execute(
        "UPDATE inventory_feeds f SET secrets = o.secrets, updated_at = now() FROM inventory_feeds o"
        " WHERE f.id = $1 AND o.id = $2",
        feed,
        other,
    )

    moved = await pulling.run(puller, feed)

    assert ("held", "missing_items") == (moved["status"], moved["error_code"])
    assert STOCK == await pulling.quantities(feed)


async def test_while_it_is_in_doubt_which_item_a_row_was_nothing_is_zeroed_and_the_file_is_read_again(
    pulling, puller, worker, vendor
):
    vendor.files["stock.csv"] = csv_of(STOCK)
    feed = await pulling.feed(fetchCleanup="enabled")
    await pulling.run(puller, feed)
    torn = {key: value for key, value in STOCK.items() if key not in ("A-03", "A-07")}
    vendor.files["stock.csv"] = csv_of(torn) + "Widget, small,3,4\n"

    run = await pulling.run(puller, feed)
    again = await pulling.run(puller, feed)
    vendor.files["stock.csv"] = csv_of(torn)
    good = await pulling.run(puller, feed)

    assert ("partial", None) == (run["status"], run["missing"])
    assert run["note"].startswith("missing items were left alone: 1 rejected rows may be any of them")
    assert ["partial"] == [again["status"]]
    assert [200, 200, 200, 200] == [status for _, status in vendor.asked]
    assert ("succeeded", 2) == (good["status"], good["missing"])
    assert {**STOCK, "A-03": 0, "A-07": 0} == await pulling.quantities(feed)


async def test_a_file_is_only_known_once_all_of_it_was_applied_by_the_settings_of_now(pulling, puller, worker, vendor):
    vendor.files["stock.csv"] = csv_of({"A": 1, "B": "many"})
    feed = await pulling.feed()

    async def settle(**settings):
        text = orjson.dumps({"fetchFrequency": "never", **settings}).decode()
        await pulling.execute("UPDATE inventory_feeds SET settings = $1, updated_at = now() WHERE id = $2", text, feed)

    partial = [(await pulling.run(puller, feed))["status"] for _ in range(2)]
    vendor.files["stock.csv"] = csv_of({"A": 1, "B": 2})
    good = [(await pulling.run(puller, feed))["status"] for _ in range(2)]
    await settle(fetchCleanup="enabled")
    cleaning = [(await pulling.run(puller, feed))["status"] for _ in range(2)]

    assert ["partial", "partial", "succeeded", "not modified", "succeeded", "not modified"] == partial + good + cleaning
    assert [200, 200, 200, 304, 200, 304] == [status for _, status in vendor.asked]


@pytest.mark.parametrize("missing", [1, 2])
async def test_a_last_line_without_the_end_that_it_had_before_is_held(pulling, puller, worker, vendor, missing):
    vendor.files["stock.csv"] = csv_of(STOCK)
    feed = await pulling.feed(fetchCleanup="enabled")
    await pulling.run(puller, feed)

    vendor.files["stock.csv"] = csv_of(STOCK)[:-missing]  # A-20,20 or A-20,2
    run = await pulling.run(puller, feed)

    assert ("held", "truncated") == (run["status"], run["error_code"])
    assert STOCK == await pulling.quantities(feed)


async def test_a_schedule_that_was_changed_while_a_run_went_on_stands(pulling, puller, worker, vendor):
    async def answer(_):
        text = orjson.dumps({"fetchFrequency": "custom", "fetchCron": "0 0 1 1 *"}).decode()
        await pulling.execute("UPDATE inventory_feeds SET settings = $1, updated_at = now() WHERE id = $2", text, feed)
        await puller.scheduler._plan()
        return web.Response(text=csv_of(STOCK))

    vendor.files["stock.csv"] = answer
    feed = await pulling.feed(fetchFrequency="hourly")
    await puller.scheduler.turn()

    run = await pulling.run(puller, feed)

    assert "succeeded" == run["status"]
    assert (1, 1) == ((due := (await pulling.state(feed))["next_fetch_at"]).month, due.day)


async def test_a_file_whose_columns_moved_is_held_where_positions_are_mapped(pulling, puller, worker, vendor):
    vendor.files["stock.csv"] = "sku,qty,price\nA,5,10\nB,6,12\n"
    feed = await pulling.feed(mapping={"externalId": 1, "inventoryQuantity": 2})
    await pulling.run(puller, feed)

    vendor.files["stock.csv"] = "sku,price,qty\nA,10,4\nB,12,6\n"
    held = await pulling.run(puller, feed)
    stored = await pulling.quantities(feed)
    moved = orjson.dumps({"fetchFrequency": "never", "mapping": {"externalId": 1, "inventoryQuantity": 3}}).decode()
    await pulling.execute("UPDATE inventory_feeds SET settings = $1, updated_at = now() WHERE id = $2", moved, feed)
    after = [(await pulling.run(puller, feed, forced=True))["status"] for _ in range(2)]

    assert ("held", "columns", {"A": 5, "B": 6}) == (held["status"], held["error_code"], stored)
    assert "were 1 'sku', 2 'qty', and are 1 'sku', 2 'price'" in held["error"]
    assert (["succeeded", "succeeded"], {"A": 4, "B": 6}) == (after, await pulling.quantities(feed))
