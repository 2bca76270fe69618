"""What all pages have: the navigation, their colours, and what is told of a page that is not there."""

from ingest.pages.page import Page
from ingest.pages.routes import ENTRIES, NAVIGATION


async def test_every_entry_of_the_navigation_is_a_page(dashboard):
    browser = await dashboard.browser("operator")
    paths = {entry.path for entry in ENTRIES if isinstance(entry, Page)}
    for way in NAVIGATION:
        assert way.address in paths
        page = await browser.page(way.address)
        assert (200, way.label) == (page.status, page.text_of("[aria-current=page]"))


async def test_the_colours_are_the_systems_until_somebody_switches_them(dashboard):
    browser = await dashboard.browser("read")
    assert [] == (await browser.page("/usage")).tree.cssselect("html[data-theme]")
    page = await browser.post("/theme", {"theme": "dark", "back": "/usage"})
    assert ("/usage", "dark") == (page.url, page.tree.get("data-theme"))
    assert ["Dark"] == page.texts("#theme option[selected]")


async def test_what_is_not_there_is_a_page_that_says_so(dashboard):
    browser = await dashboard.browser()
    page = await browser.page("/nothing/here")
    assert (404, "There is nothing here") == (page.status, page.text_of("h1"))
    gone = await browser.page("/feeds/999/mapping")
    assert ["To the feed", "To Feeds", "To Now"] == gone.texts("main a.button")
    assert "Feeds" == gone.text_of("[aria-current=page]")
    assert f"request {page.headers['X-Request-Id']}" in page.text_of(".notice")
    assert 404 == (await browser.page("/api/nothing")).status
