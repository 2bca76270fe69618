"""The dashboard in a real browser: the newcomer's whole way, and every page with axe, in both themes, at 360 px."""

from __future__ import annotations

import json
import os
import re
import signal
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from deploy import scene, screenshots
from ingest.pages.sessions.links import new_link
from ingest.pages.sessions.roles import Role
from schemas import dead_letters
from schemas.batches import Batch, Source

SECOND_MS = 1_000
AXE = Axe().axe_script
ALL = {"resultTypes": ["violations"], "preload": False, "iframes": False, "elementRef": False}
COLOURS = ALL | {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
"""What a theme can change of a page."""
LOOK = """async ([all, colours]) => {
  const found = [];
  for (const [theme, options] of [["light", all], ["dark", colours]]) {
    document.documentElement.dataset.theme = theme;
    const { violations } = await axe.run(document, options);
    for (const one of violations) found.push([theme, one.id, one.nodes.slice(0, 3).map((node) => node.target)]);
  }
  return found;
}"""
FOCUSED = "(() => { const e = document.activeElement; return [e.innerText, e.labels?.[0]?.innerText] })()"


@pytest.fixture
async def page(system, chromium):
    """A page that is signed in by a one-time link; an error on its console, or a violation of the policy, fails."""
    connection = await asyncpg.connect(system.stack["databaseUrl"])
    account_id = await connection.fetchval("SELECT account_id FROM inventory_feeds ORDER BY id LIMIT 1")
    link = await new_link(connection, account_id, Role.OPERATOR)
    await connection.close()
    context = await chromium.new_context(base_url=system.stack["apiUrl"])
    context.set_default_timeout(30 * SECOND_MS)
    opened = await context.new_page()
    wrong: list[str] = []
    opened.on(
        "console", lambda said: wrong.append(f"{said.location['url']}: {said.text}") if said.type == "error" else None
    )
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    await opened.goto(link)  # the door opens by itself
    await expect(opened.locator("[aria-current=page]")).to_have_text("Now")
    yield opened
    await context.close()
    assert [] == wrong


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
    await page.select_option("#show", "")
    await expect(page.locator("#result .rows tbody tr").first).to_contain_text("CHAIR BLACK")
    address = page.url
    await page.reload()  # the draft survives
    await expect(page.locator(".chip", has_text="upper case")).to_have_count(1)
    assert address == page.url

    await page.fill("#field-name", "Acme stock")
    await page.click("text=Save and run")
    await expect(page.locator("#state .pill")).to_have_text("succeeded", timeout=60 * SECOND_MS)  # live
    await expect(page.locator("#state .number", has_text="Created")).to_contain_text("41")
    stored = await system.get_when("/api/inventory-feed-variants.json?externalId=C-9999", lambda found: found)
    assert ("ROW WITH A QUANTITY THAT IS NONE", 0) == (stored[-1]["name"], stored[-1]["inventoryQuantity"])


async def buried(system):
    """Bury items of the demo feed as workers do; two of them have newer values. Return the account's database."""
    connection = await asyncpg.connect(system.stack["databaseUrl"])
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
    await expect(page.locator("#live-state .words")).to_have_text("live", timeout=30 * SECOND_MS)
    await another_cause(connection, system.stack["demoFeed"]["id"])
    # The rows stay where they are.
    await expect(page.locator(".new-rows")).to_have_text("1 new", timeout=30 * SECOND_MS)
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


async def wrong_with(page, where):
    """Return what axe finds on the page as it stands, in both themes, and whether it is wider than 360 pixels."""
    await page.set_viewport_size({"width": 1280, "height": 900})
    await page.evaluate(AXE)
    found = [(where, *violation) for violation in await page.evaluate(LOOK, [ALL, COLOURS])]
    await page.set_viewport_size({"width": 360, "height": 800})
    width = await page.evaluate("document.documentElement.scrollWidth")
    return found + ([(where, "wider than 360 px", width)] if width > 360 else [])


async def test_every_page_passes_axe_in_both_themes_and_fits_360_pixels(system, page):
    connection = await asyncpg.connect(system.stack["databaseUrl"])
    await scene.dress(system.stack, connection)
    account_id = await connection.fetchval("SELECT account_id FROM inventory_feeds ORDER BY id LIMIT 1")
    found = []
    for path in await screenshots.pages_of(page, connection, account_id):
        answer = await page.goto(path)
        found += [(path, answer.status)] if answer.status != 200 else []
        found += await wrong_with(page, path)
    await page.goto("/people")
    await page.fill("#field-name", "Grace")
    await page.click("main button >> text=Make the link")
    await expect(page.locator("#link")).to_contain_text("/sign-in/")
    found += await wrong_with(page, "people, with a link")
    await page.goto(await page.locator("#link").text_content())
    await page.wait_for_url(f"**{scene.PERSONAL}")
    found += await wrong_with(page, scene.PERSONAL)
    await connection.close()
    assert [] == found


async def test_a_vendor_opens_its_link_reads_what_was_refused_and_tries_a_mended_file(system, page, chromium):
    await page.goto("/feeds")
    feed = await page.locator("a", has_text="Demo CSV feed over HTTP").get_attribute("href")
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
        await expect(sentence).to_have_text(gone, timeout=30 * SECOND_MS)  # live
    finally:
        os.kill(stopped, signal.SIGCONT)
    await expect(sentence).not_to_have_text(gone, timeout=60 * SECOND_MS)


async def tab_to(page, text):
    """Press Tab until what has this text, label or name has the focus."""
    for _ in range(60):
        await page.keyboard.press("Tab")
        told = await page.evaluate(FOCUSED)
        if any(one and one.strip().startswith(text) for one in told):
            return
    raise AssertionError(f"Tab never came to {text}")


async def test_the_keyboard_alone_leads_a_newcomer_from_an_address_to_a_run(system, page):
    port = json.loads((system.file.parent / "ports.json").read_text())["vendor-http"]
    await page.goto("/feeds")
    await tab_to(page, "New feed")
    await page.keyboard.press("Enter")
    await expect(page.locator("main h1")).to_have_text("New feed")
    await expect(page.locator("#field-location")).to_be_focused()
    await page.keyboard.type(f"http://demo:demo@127.0.0.1:{port}/stock.csv")
    await page.keyboard.press("Enter")
    read = page.locator("#read")
    await expect(read).to_contain_text("41 rows read: 40 mapped, 1 rejected", timeout=30 * SECOND_MS)
    await tab_to(page, "“soon” means 0")
    await page.keyboard.press("Enter")
    await expect(read).to_contain_text("41 mapped, 0 rejected")
    await tab_to(page, "Name")
    await page.keyboard.type("By keys")
    await tab_to(page, "Save and run")
    await page.keyboard.press("Enter")
    await expect(page.locator("#state .pill")).to_have_text("succeeded", timeout=60 * SECOND_MS)  # live


async def test_the_keyboard_alone_reaches_the_content_the_search_and_the_pages(page):
    await page.goto("/")
    await page.keyboard.press("Tab")
    await expect(page.locator(".skip")).to_be_focused()
    await page.keyboard.press("/")
    await expect(page.locator("#search")).to_be_focused()
    await page.locator("h1").first.click()
    await page.keyboard.press("g")
    await page.keyboard.press("f")
    await expect(page.locator("main h1")).to_have_text("Feeds")
    await page.keyboard.press("p")
    await expect(page.locator("#live-state")).to_have_text("paused")
    await page.keyboard.press("?")
    await expect(page.locator("#keys")).to_be_visible()


async def test_keys_walk_the_rows_connect_and_take_back_and_a_toast_goes_after_ten_seconds(system, page):
    items = [{"externalId": "by key", "vendorSku": "000-key"}, {"externalId": "next", "vendorSku": "000-next"}]
    async with system.post(items) as response:
        assert 202 == response.status
    await system.get_when("/api/inventory-feed-variants.json?externalId=next", lambda found: found)
    headers = {"Authorization": f"Bearer {system.stack['apiToken']}"}
    url = f"{system.stack['apiUrl']}/api/variants.json"
    async with system.client.post(url, json={"sku": "000-KEY"}, headers=headers) as response:
        assert response.ok
    await page.clock.install()
    await page.goto("/connect")
    likeliest = page.locator("tbody tr", has_text="000-key").locator("button.primary")
    toast = page.locator(".toast")
    await page.keyboard.press("j")
    await expect(likeliest).to_be_focused()
    await page.keyboard.press("j")
    await expect(likeliest).not_to_be_focused()
    await page.keyboard.press("k")
    await expect(likeliest).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(toast).to_contain_text("by key is connected to")

    await page.keyboard.press("u")
    await expect(toast).to_contain_text("by key is not connected any more")
    await page.clock.fast_forward(9 * SECOND_MS)
    await expect(toast).to_have_count(1)
    await page.clock.fast_forward(2 * SECOND_MS)
    await expect(toast).to_have_count(0)
