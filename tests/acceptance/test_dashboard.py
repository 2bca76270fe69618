"""The dashboard in a real browser: the newcomer's whole way, and every page with axe, in both themes, at 360 px."""

from __future__ import annotations

import json
import os
import re
import signal
from urllib.parse import urlsplit

import asyncpg
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import async_playwright, expect

from ingest.pages.routes import NAVIGATION
from ingest.pages.sessions.links import new_link
from ingest.pages.sessions.roles import Role
from tests.acceptance.chromium import OFFLINE

SECOND_MS = 1_000


@pytest.fixture(scope="session")
async def chromium():
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=OFFLINE)
        yield running
        await running.close()


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
    opened.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    await opened.goto(link)
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


async def test_every_page_passes_axe_in_both_themes_and_fits_360_pixels(system, page):
    await page.goto("/feeds")
    feed = await page.locator("a", has_text="Demo CSV feed over HTTP").get_attribute("href")
    await page.goto(feed)
    await page.click("text=Fetch now")
    await expect(page.locator("#state .pill")).to_have_text("partial", timeout=60 * SECOND_MS)
    run = page.url
    found = []
    links = f"{feed}/vendor-links"
    await page.goto(links)
    await page.fill("#field-note", "Acme")
    await page.click("text=Make the link")
    await page.goto(await page.locator("#link").text_content())
    await expect(page.locator("main h1")).to_have_text("Your last files")
    vendor = urlsplit(page.url).path
    about = [
        "/feeds/new",
        feed,
        f"{feed}/settings",
        f"{feed}/mapping",
        run,
        links,
        "/providers/1",
        "/connect?queue=byHand",
    ]
    about += [vendor, f"{vendor}/items", f"{vendor}/test"]
    for path in [address for _, _, address, _ in NAVIGATION] + about:
        await page.set_viewport_size({"width": 1280, "height": 900})
        await page.goto(path)
        for theme in ("light", "dark"):
            await page.emulate_media(color_scheme=theme)
            result = await Axe().run(page)
            found += [
                (path, theme, violation["id"], [node["target"] for node in violation["nodes"]][:3])
                for violation in result.response["violations"]
            ]
        await page.set_viewport_size({"width": 360, "height": 800})
        width = await page.evaluate("document.documentElement.scrollWidth")
        found += [(path, "wider than 360 px", width)] if width > 360 else []
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
