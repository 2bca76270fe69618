"""Live pages: looked at only while somebody watches, once for all who do; and what is shown while Postgres is away."""

import asyncio

import aiohttp

from ingest.pages import live
from ingest.pages.live import MOST_STREAMS, WATCH


async def event(stream):
    """Return the next event of a stream: its name and its data."""
    lines = []
    while (line := (await stream.content.readline()).decode().rstrip("\n")) or not lines:
        lines.append(line)
    return lines[0].removeprefix("event: "), "\n".join(line.removeprefix("data: ") for line in lines[1:])


async def parts(stream, wanted):
    """Return the data of the first event with changed parts that hold a text."""
    async with asyncio.timeout(60):
        while True:
            name, data = await event(stream)
            if name == "parts" and wanted in data:
                return data


async def test_a_watched_page_is_looked_at_once_a_second_for_all_who_watch_and_not_at_all_otherwise(
    dashboard, api, monkeypatch
):
    watch = api.client.server.app[WATCH]
    assert 0 == watch.looks
    first, second = await dashboard.browser(), await dashboard.browser()
    url = f"{dashboard.url}/live/feeds"
    async with first.client.get(url) as one, second.client.get(url) as two:
        await parts(one, "No feed yet")
        await parts(two, "No feed yet")
        assert 1 == len(watch._views)
        feed = await api.new_feed(name="Fresh")
        data = await parts(one, "Fresh")
        assert f"/feeds/{feed['id']}" in data
        assert "innerHTML:#list" in data
        await parts(two, "Fresh")
    async with asyncio.timeout(60):
        while watch._views:  # noqa: ASYNC110 - until the looks notice that both browsers went
            await asyncio.sleep(0.05)
    monkeypatch.setattr(live, "EVERY_S", 0.0)  # who still looked would look all the time
    looks = watch.looks
    await api.new_feed(name="Unseen")
    assert looks == watch.looks
    async with first.client.get(url) as again:
        await parts(again, "Unseen")
    assert looks < watch.looks


async def test_a_session_gets_four_streams_and_asks_beyond_that(dashboard):
    browser = await dashboard.browser()
    url = f"{dashboard.url}/live/feeds"
    streams = [await browser.client.get(url) for _ in range(MOST_STREAMS)]
    for stream in streams:
        await event(stream)
    async with browser.client.get(url) as fifth:
        assert "full" == (await event(fifth))[0]
    assert "No feed yet" in (await browser.page("/live/feeds?once=1")).text
    for stream in streams:
        stream.close()
    stranger = await dashboard.browser(scope=None)
    async with stranger.client.get(url) as refused:
        assert 204 == refused.status  # EventSource does not ask again


async def test_while_postgres_is_away_a_page_shows_what_it_showed_last_and_offers_no_action(dashboard, api, postgres):
    browser = await dashboard.browser("write")
    feed = await api.new_feed(name="Acme")
    here = f"/feeds/{feed['id']}"
    assert "Disable it" in (await browser.page(here)).texts("main button")
    postgres.stop()
    try:
        page = await browser.page(here)
        assert (503, "Acme") == (page.status, page.text_of("h1"))
        assert "This is what the page showed as of" in page.text_of(".notice")
        assert [] == page.texts("main button")
        unseen = await browser.page("/sessions")
        assert (503, "Postgres cannot be reached") == (unseen.status, unseen.text_of("h1"))
        assert 503 == (await browser.post(f"{here}/switch", {"enabled": ""})).status
    finally:
        postgres.start()
    assert "Disable it" in (await browser.page(here)).texts("main button")


async def test_the_first_load_of_a_page_with_all_that_it_needs_is_below_60_kilobytes(dashboard):
    browser = await dashboard.browser("operator")
    async with aiohttp.ClientSession(cookie_jar=browser.client.cookie_jar, auto_decompress=False) as raw:

        async def sent(path):
            async with raw.get(dashboard.url + path, headers={"Accept-Encoding": "gzip"}) as response:
                assert (200, "gzip") == (response.status, response.headers["Content-Encoding"])
                kept = "immutable" in response.headers["Cache-Control"]
                return len(await response.read()), kept

        for path in ("/", "/feeds", "/settings"):
            page = await browser.page(path)
            needed = [link.get("href") for link in page.tree.cssselect("link[href]")]
            needed += [script.get("src") for script in page.tree.cssselect("script[src]")]
            assert len(needed) >= 5
            parts = [await sent(address) for address in needed]
            assert all(kept for _, kept in parts)  # for ever: the second page loads itself alone
            total = sum(size for size, _ in parts) + (await sent(path))[0]
            assert total < 60_000, (path, total)
