"""The dashboard by the keyboard alone."""

from __future__ import annotations

import asyncio
import json

from playwright.async_api import expect

SECOND_MS, PATIENCE_S = 1_000, 120
FOCUSED = "(() => { const e = document.activeElement; return [e.innerText, e.labels?.[0]?.innerText] })()"
TOGETHER = """(keys) => {
  for (const key of keys) document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
}"""
"""Two keys within a second, however busy the machine is."""


async def tab_to(page, text):
    """Press Tab until what has this text, label or name has the focus."""
    for _ in range(60):
        await page.keyboard.press("Tab")
        told = await page.evaluate(FOCUSED)
        if any(one and one.strip().startswith(text) for one in told):
            return
    raise AssertionError(f"Tab never came to {text}")


async def said(page, text):
    """Return a toast as soon as it is there and settled: a little time passes on the page for that, and no more."""
    toast = page.locator(".toast", has_text=text)
    async with asyncio.timeout(PATIENCE_S):
        while not await toast.count():
            await page.clock.run_for(20)
    await page.clock.run_for(100)
    return toast


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
    await expect(read).to_contain_text("41 rows read: 40 mapped, 1 rejected")
    await tab_to(page, "“soon” means 0")
    await page.keyboard.press("Enter")
    await expect(read).to_contain_text("41 mapped, 0 rejected")
    await tab_to(page, "Name")
    await page.keyboard.type("By keys")
    await tab_to(page, "Save and run")
    await page.keyboard.press("Enter")
    await expect(page.locator("#state .pill")).to_have_text("succeeded")  # live


async def test_the_keyboard_alone_reaches_the_content_the_search_and_the_pages(page):
    await page.goto("/")
    await page.keyboard.press("Tab")
    await expect(page.locator(".skip")).to_be_focused()
    await page.keyboard.press("/")
    await expect(page.locator("#search")).to_be_focused()
    await page.locator("h1").first.click()
    async with page.expect_navigation():  # until the next page's keys work too
        await page.evaluate(TOGETHER, ["g", "f"])
    await expect(page.locator("main h1")).to_have_text("Feeds")
    await page.keyboard.press("p")
    await expect(page.locator("#live-state")).to_have_text("paused")
    await page.keyboard.press("Control+k")
    await expect(page.locator("#palette-text")).to_be_focused()
    await expect(page.locator("#ways a", has_text="Fleet")).to_be_visible()
    await page.keyboard.insert_text("demo xml")  # at once: an answer to a part of it would put another list in place
    await expect(page.locator("#ways a")).to_have_count(1)
    await page.keyboard.press("ArrowDown")
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    await expect(page.locator("main h1")).to_have_text("Demo XML feed")
    await page.keyboard.press("?")
    await expect(page.locator("#keys")).to_be_visible()


async def test_keys_walk_the_rows_connect_and_take_back_and_a_toast_goes_after_ten_seconds(system, own_page):
    page = own_page
    items = [{"externalId": "by key", "vendorSku": "000-key"}, {"externalId": "next", "vendorSku": "000-next"}]
    async with system.post(items) as response:
        assert 202 == response.status
    await system.get_when("/api/inventory-feed-variants.json?externalId=next", lambda found: found)
    await system.ask("/api/variants.json", {"sku": "000-KEY"})
    await page.clock.install()
    await page.goto("/connect")
    await page.clock.pause_at(await page.evaluate("Date.now() / 1000") + 60)
    likeliest = page.locator("tbody tr", has_text="000-key").locator("button.primary")
    await page.keyboard.press("j")
    await expect(likeliest).to_be_focused()
    await page.keyboard.press("j")
    await expect(likeliest).not_to_be_focused()
    await page.keyboard.press("k")
    await expect(likeliest).to_be_focused()
    await page.keyboard.press("Enter")
    await said(page, "by key is connected to")

    await page.keyboard.press("u")
    toast = await said(page, "by key is not connected any more")
    await page.clock.fast_forward(9 * SECOND_MS)
    await expect(toast).to_have_count(1)
    await page.clock.fast_forward(2 * SECOND_MS)
    await expect(toast).to_have_count(0)
