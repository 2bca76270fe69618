"""Every page of the table of routes: for an account that has nothing yet, with one bare thing of each kind, and while
Postgres is away."""

import pytest

from deploy import scene
from ingest.pages.page import Download, Page
from ingest.pages.routes import ENTRIES

FORMS = {"/feeds/new"}
"""Nothing can be missing here: these ask."""
OWN = {"/sessions", "/tokens", "/people"}
"""Who looks stands here, if nobody else."""
PERSON = "/password"
"""Of people alone; a session by a token is none."""
PAGES = [entry for entry in ENTRIES if isinstance(entry, Page) and entry.path != PERSON]
LISTS = [page.path for page in PAGES if "{" not in page.path]
ONES = [page.path for page in PAGES if "{" in page.path]
AS_OF = "This is what the page showed as of"
EMPTY = {
    "/feeds/{pulled}": "No run yet",
    "/feeds/{pushed}": "Waiting for the first post",
    "/feeds/{pulled}/versions": "It was always read like this",
    "/feeds/{pulled}/vendor-links": "No link yet",
    "/feeds/{id}/runs/{run}": "No rejects",
    "/receipts/{batch}": "Every item was simply created or updated",
    "/sku/{sku}": "No message that is still known",
    "/items/{id}": "No message that is still known",
    "/providers/{provider}": "No feed yet",
    "/settings/endpoints/{id}": "No attempt yet",
    "/operations/{id}": "Nothing yet",
    "/feeds?condition=held": "No feed is held",
    "/receipts?feed={pulled}": "No receipt is like that",
    "/dead-letters?status=replayed": "None is replayed",
    "/dead-letters/list?code=none": "None matches",
    "/dead-letters/confirm?code=none": "Nothing matches any more",
    "/search?q=none": "Nothing is called or begins with “none”",
    "/audit-log?who=nobody": "No change is like that",
    "/connect?queue=byHand": "Nothing here",
}
"""Of an address, what says that there is nothing: never any, none that matches."""


@pytest.fixture
async def asked(dashboard):
    """Every page without parameters, as an operator of an account without anything sees it."""
    browser = await dashboard.browser("operator")
    return browser, {path: await browser.page(path) for path in LISTS}


@pytest.fixture
async def names(asked, bare, api):
    """What stands in addresses: one bare thing of each kind, and feeds that nothing came by."""
    pulled = await api.new_feed(name="Pulled", resourceType="ftpCsv", resourceLocation="http://vendor.example/x.csv")
    pushed = await api.new_feed(name="Pushed")
    provider = await api.ok("POST", "/api/dropship-providers.json", {"name": "Without a feed"})
    return {**bare, "pulled": pulled["id"], "pushed": pushed["id"], "provider": provider["id"]}


@pytest.fixture
async def vendor(dashboard, names):
    """The pages of a vendor whose feed nothing came by."""
    editor = await dashboard.browser("write")
    made = await editor.post(f"/feeds/{names['pushed']}/vendor-links", {"note": "Acme", "days": "30"})
    here, _, secret = made.text_of("#link").removeprefix(dashboard.url).partition("#")
    browser = await dashboard.browser(None)
    await browser.post(here, {"secret": secret})
    return browser, {path: await browser.page(path) for path in (here, f"{here}/items", f"{here}/test")}


async def test_each_page_says_what_will_stand_there_and_away_from_postgres_what_it_showed(
    asked, names, vendor, postgres
):
    browser, pages = asked
    told = {path: page.texts(".empty p") for path, page in pages.items()}
    assert [] == [path for path in told if path not in FORMS | OWN and not all(told[path] or [""])]
    assert "curl -H" in pages["/feeds"].text_of(".empty pre")
    pages |= {path: await browser.page(path) for path in (scene.filled(path, names) for path in ONES)}
    empty = {path.format(**names): title for path, title in EMPTY.items()}
    pages |= {path: await browser.page(path) for path in empty}
    assert [] == [(path, page.status) for path, page in pages.items() if page.status != 200]
    assert [] == [(path, pages[path].texts(".empty h2")) for path in empty if empty[path] not in
                  pages[path].texts(".empty h2")]  # fmt: skip
    seller, shown = vendor
    assert ["No post has arrived yet", "No item is stored yet"] == [
        title for page in shown.values() for title in page.texts(".empty h2")
    ]

    postgres.stop()
    try:
        assert [] == [wrong async for wrong in wrong_while_away(browser, pages)]
        for path in shown:
            page = await seller.page(path)
            assert (503, 1, "That does not go") == (page.status, len(page.texts(".brand")), page.text_of("h1"))
            assert "We cannot look it up at the moment" in page.text_of(".notice")
        files = [scene.filled(entry.path, names) for entry in ENTRIES if isinstance(entry, Download)]
        for page in [await browser.page(path) for path in files] + [await browser.post("/providers", {"name": "x"})]:
            assert (503, "Postgres cannot be reached") == (page.status, page.text_of("h1")), page.url
            assert page.texts(".navigation a")
    finally:
        postgres.start()


async def wrong_while_away(browser, pages):
    """Yield what is wrong of pages that were shown before, and of the same pages as nobody saw them yet."""
    for path, before in pages.items():
        page, unseen = await browser.page(path), await browser.page(f"{path}{'&' if '?' in path else '?'}never=asked")
        words = page.texts("h1") if path == "/lag" else before.texts("h1")  # it says there that Postgres is away
        if (503, words) != (page.status, page.texts("h1")) or AS_OF not in " ".join(page.texts(".notice")):
            yield path, page.status, page.texts("h1"), page.texts(".notice")
        if len(page.tree.cssselect("main form")) != len(page.tree.cssselect("main fieldset[disabled] form")):
            yield path, "forms that can be sent"
        if (503, "Postgres cannot be reached") != (unseen.status, unseen.text_of("h1")):
            yield path, "unseen", unseen.status
        if not unseen.texts(".navigation a"):
            yield path, "without the shell"
