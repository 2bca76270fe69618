"""The dashboard in a real browser: what a newcomer, an operator and a vendor come for, from the first click on."""

from __future__ import annotations

import json
import os
import re
import signal
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
from playwright.async_api import expect

from schemas import dead_letters
from schemas.batches import Batch, Source


async def test_a_newcomer_leads_a_vendors_file_to_mapped_rows_without_reading_docs(system, page):
    port = json.loads((system.file.parent / "ports.json").read_text())["vendor-http"]
    await page.click("text=Feeds >> nth=0")
    await page.click("text=New feed")
    await page.fill("#field-location", f"http://demo:demo@127.0.0.1:{port}/stock.csv")
    await page.click("text=Look at it >> nth=0")

    read = page.locator("#read")
    await expect(read).to_contain_text("41 rows read: 40 mapped, 1 rejected")
    await expect(page.locator(".cell-bad")).to_have_count(0)  # among the first rows all is right
    await page.select_option("#show", "rejects")
    await expect(page.locator(".cell-bad")).to_have_text("soon")
    await page.click("text=“soon” means 0")
    await expect(read).to_contain_text("41 mapped, 0 rejected")
    await page.select_option("select[name=add-name]", "upper")
    await expect(page.locator(".chip", has_text="upper case")).to_have_count(1)  # all of this is put in place
    await page.select_option("#show", "")
    await expect(page.locator("#result .rows tbody tr").first).to_contain_text("CHAIR BLACK")
    address = page.url
    await page.reload()  # the draft survives
    await expect(page.locator(".chip", has_text="upper case")).to_have_count(1)
    assert address == page.url

    await page.fill("#field-name", "Acme stock")
    await page.click("text=Save and run")
    await expect(page.locator("#state .pill")).to_have_text("succeeded")  # live
    await expect(page.locator("#state .number", has_text="Created")).to_contain_text("41")
    stored = await system.get_when("/api/inventory-feed-variants.json?externalId=C-9999", lambda found: found)
    assert ("ROW WITH A QUANTITY THAT IS NONE", 0) == (stored[-1]["name"], stored[-1]["inventoryQuantity"])


async def buried(system):
    """Bury items of the demo feed as workers do, and no others; two of them have newer values. Return the database."""
    connection = await asyncpg.connect(system.stack["databaseUrl"])
    await connection.execute("DELETE FROM dead_letters")  # of what other tests may have shown before
    feed = system.stack["demoFeed"]["id"]
    account = await connection.fetchval("SELECT account_id FROM inventory_feeds WHERE id = $1", feed)
    names = [f"DEAD-{number:03}" for number in range(130)]
    items = [{"externalId": name, "inventoryQuantity": 5} for name in names]
    batch = Batch(uuid4(), account, feed, 1_700_000_000_000, Source.WEBHOOK, items)
    reasons = [f'value "{slot}99999999" is out of range for type integer' for slot in range(len(items))]
    letters = [dead_letters.of_item(batch, slot, "postgres.22003", reason) for slot, reason in enumerate(reasons)]
    await dead_letters.store(connection, letters, datetime.now(UTC))
    async with system.post([{"externalId": name, "inventoryQuantity": 9} for name in names[:2]]) as response:
        assert 202 == response.status
    await system.get_when("/api/inventory-feed-variants.json?externalId=DEAD-001", lambda found: found)
    return connection


async def another_cause(connection, feed):
    """Bury more items than there are for any other reason."""
    account = await connection.fetchval("SELECT account_id FROM inventory_feeds WHERE id = $1", feed)
    batch = Batch(uuid4(), account, feed, 1_700_000_000_000, Source.WEBHOOK, [{"externalId": "MORE"}])
    letters = [dead_letters.of_item(batch, 0, "worker_died", "five workers died of it")] * 200
    await dead_letters.store(connection, letters, datetime.now(UTC))


async def test_an_operator_replays_a_cause_with_progress_and_the_newer_values_stay(system, page):
    connection = await buried(system)
    await page.goto("/")
    await expect(page.locator("#needs")).to_contain_text("Dead letters of Demo webhook feed grow")
    await page.click("#numbers >> text=Dead letters")
    await expect(page.locator("#causes [data-row]")).to_have_count(1)
    await expect(page.locator("#live-state .words")).to_have_text("live")
    await another_cause(connection, system.stack["demoFeed"]["id"])
    # The rows stay where they are.
    await expect(page.locator(".new-rows")).to_have_text("1 new")
    await expect(page.locator("#causes [data-row]")).to_have_count(1)
    await page.click(".new-rows")
    await expect(page.locator("#causes [data-row]")).to_have_count(2)
    await expect(page.locator(".new-rows")).to_have_count(0)
    await page.click("text=Replay 130")
    await expect(page.locator("main strong").first).to_have_text("130 match, 2 have newer values.")
    await page.select_option("#field-first", "10")
    await page.click("main form button")
    progress = page.locator("#progress")
    await expect(progress.locator(".pill")).to_have_text("paused")  # live
    await expect(progress).to_contain_text("10 of 130")
    await progress.locator("button", has_text="Resume: 120 left").click()
    await expect(progress.locator(".pill")).to_have_text("finished")  # in place, then live
    await expect(page.locator("#progress .number", has_text="Replayed")).to_contain_text("128")
    await page.click("#progress .number >> text=Skipped")
    await expect(page.locator("#did tbody th")).to_have_text(["DEAD-000", "DEAD-001"])
    await system.get_when("/api/inventory-feed-variants.json?externalId=DEAD-129", lambda found: found)
    kept = (
        "SELECT array_agg(DISTINCT inventory_quantity) FROM feed_variants WHERE external_id IN ('DEAD-000', 'DEAD-001')"
    )
    assert [9] == await connection.fetchval(kept)
    assert 1 == await connection.fetchval(
        "SELECT inventory_quantity / 5 FROM feed_variants WHERE external_id = 'DEAD-129'"
    )

    await page.click("text=Discard those with newer values")
    await page.click("main form button")
    await expect(page.locator(".toast")).to_contain_text("2 dead letters are being discarded.")
    await page.goto("/dead-letters?status=discarded")
    await expect(page.locator("#causes td[data-label=Count]")).to_have_text("2")
    await connection.close()


async def test_a_button_answers_where_it_was_pressed_with_the_focus_on_the_way_back(system, page):
    async with system.post([{"externalId": "by hand", "inventoryQuantity": 9}]) as response:
        assert 202 == response.status
    stored = await system.get_when("/api/inventory-feed-variants.json?externalId=by%20hand", lambda found: found)
    await page.goto(f"/items/{stored[0]['id']}")
    await page.evaluate("window.stays = true")
    await page.select_option("#field-inventoryQuantityOverride", "maximum")
    await page.fill("#field-manualInventoryQuantity", "4")
    await expect(page.locator("#would")).to_contain_text("May sell 4 instead of 9")
    await page.click("#override button")
    await expect(page.locator(".toast")).to_contain_text("Saved: may sell 4.")
    await expect(page.locator(".toast button")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#quantity h2")).to_have_text("May sell 9, as the vendor says")
    assert await page.evaluate("window.stays")  # it was the same page all along


async def test_a_vendor_opens_its_link_reads_what_was_refused_and_tries_a_mended_file(system, page, chromium):
    await page.goto("/feeds")
    feed = await page.locator("a", has_text="Demo CSV feed over HTTP").get_attribute("href")
    run = await system.ask(f"/api/inventory-{feed[1:]}/fetch.json", {})
    await system.get_when(f"/api/inventory-{feed[1:]}/runs/{run['id']}.json", lambda run: run["endedAt"])
    await page.goto(f"{feed}/vendor-links")
    await page.fill("#field-note", "Acme, Ms Smith")
    await page.click("text=Make the link")
    link = await page.locator("#link").text_content()

    context = await chromium.new_context()  # another browser, which is signed in to nothing
    vendor = await context.new_page()
    asked, wrong = [], []
    vendor.on("request", lambda request: asked.append(request.url))
    vendor.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    await vendor.goto(link)
    await expect(vendor.locator("main h1")).to_have_text("Your last files")
    assert link.partition("#")[0] == vendor.url  # the secret is gone from the address, and was in no request's
    assert [] == [url for url in asked if link.partition("#")[2] in url]
    await vendor.click("td.num a")
    await expect(vendor.locator(".cell-bad")).to_have_text("soon")
    await vendor.click("text=Test my file")
    await vendor.fill("#text", "sku;name;stock;cost\nC-9;Lamp;7;1,50\n")
    await vendor.click("text=Test it")
    await expect(vendor.locator("#tested")).to_be_visible()
    await expect(vendor.locator("main")).not_to_contain_text("demo:demo")
    await context.close()
    assert [] == wrong


async def test_an_operator_reads_that_a_worker_is_gone_and_sees_it_heal(system, page):
    await page.goto("/lag")
    sentence, gone = page.locator("#lead h1"), re.compile("no owner|lock")
    await expect(sentence).not_to_have_text(gone)
    stopped = system.stack["pids"]["workers"][0]
    os.kill(stopped, signal.SIGSTOP)
    try:
        await expect(sentence).to_have_text(gone)  # live
    finally:
        os.kill(stopped, signal.SIGCONT)
    await expect(sentence).not_to_have_text(gone)
