"""What a page does while nobody looks at it, while somebody is in a row, and when nothing comes: by its own clock."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta

from playwright.async_api import expect

SECOND_MS = 1_000
NOT_LIVE = re.compile(r"not live since [0-2][0-9]:[0-5][0-9]; asks every 5 s")
HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
"""Chromium has no way to hide a tab without a window."""


async def stop_the_clock(page):
    """The timers of the pages that are opened from now on run when they are told to."""
    await page.clock.install()
    await page.clock.pause_at(datetime.now(UTC) + timedelta(hours=1))


def of_a_stream(request):
    return "/live" in request.url and "once=1" not in request.url


async def test_a_page_is_live_while_it_is_seen_and_nobody_is_in_a_row_and_says_since_when_it_is_not(own_page):
    page = own_page
    said, stream = page.locator("#live-state .words"), page.locator("#live-stream")
    await stop_the_clock(page)
    await page.goto("/feeds")
    await expect(said).to_have_text("live")

    async with page.expect_event("requestfailed", of_a_stream):  # the stream ends as a row is entered
        await page.locator("#list [data-row] a").first.focus()
    await page.clock.run_for(30 * SECOND_MS)
    await expect(said).to_have_text("waits while you are in a row")
    await page.locator("#list [data-row] a").nth(1).focus()
    await expect(stream).to_have_count(0)
    await page.locator("#search").focus()
    await expect(said).to_have_text("live")

    async with page.expect_event("requestfailed", of_a_stream):  # it ends as the tab is hidden
        await page.evaluate(HIDE, True)
    await page.clock.run_for(60 * SECOND_MS)
    await expect(stream).to_have_count(0)
    asked = asyncio.get_running_loop().create_future()

    async def keep_waiting(route):
        if "once=1" in route.request.url:
            asked.set_result(route)

    await page.route("**/live/**", keep_waiting)
    await page.evaluate(HIDE, False)
    await page.clock.run_for(9 * SECOND_MS)
    await expect(said).to_have_text("live")  # the minute in which nobody looked does not count
    await expect(stream).to_have_count(1)
    await page.clock.run_for(2 * SECOND_MS)
    await expect(said).to_have_text(NOT_LIVE)
    await page.clock.run_for(5 * SECOND_MS)
    question = await asked
    await expect(said).to_have_text(NOT_LIVE)
    await question.continue_()
    await expect(said).to_have_text("asks every 5 s")


async def test_a_preview_is_asked_for_400_ms_after_the_last_key(own_page):
    page = own_page
    await stop_the_clock(page)
    await page.goto("/feeds")
    feed = await page.locator("a", has_text="Demo CSV feed over HTTP").get_attribute("href")
    await page.goto(f"{feed}/mapping")
    default = page.locator("input[name=default-name]")
    await default.evaluate("field => { field.closest('details').open = true; }")
    asked = []
    page.on("request", lambda request: asked.append(request.post_data) if request.url.endswith("/try") else None)
    for typed in ("a", "a l", "a lamp"):
        await default.fill(typed)
        await page.clock.run_for(399)
    async with page.expect_response("**/try"):
        await page.clock.run_for(1)
    (body,) = asked
    assert "default-name=a%20lamp" in body
