"""Every page of the table of routes: for an account that has nothing yet, and while Postgres is away."""

import pytest

from ingest.pages.page import Page
from ingest.pages.routes import ENTRIES

FORMS = {"/feeds/new"}
"""Nothing can be missing here: these ask."""
OWN = {"/sessions", "/tokens", "/people"}
"""Who looks stands here, if nobody else."""
PERSON = "/password"
"""Of people alone; a session by a token is none."""
PAGES = [entry for entry in ENTRIES if isinstance(entry, Page) and "{" not in entry.path and entry.path != PERSON]
AS_OF = "This is what the page showed as of"


@pytest.fixture
async def asked(dashboard):
    """Every page without parameters, as an operator of an account without anything sees it."""
    browser = await dashboard.browser("operator")
    return browser, {page.path: await browser.page(page.path) for page in PAGES}


async def test_each_page_of_an_empty_account_says_what_will_stand_there_and_away_from_postgres_what_it_showed(
    asked, postgres
):
    browser, pages = asked
    assert [] == [path for path, page in pages.items() if page.status != 200]
    told = {path: page.texts(".empty p") for path, page in pages.items()}
    assert [] == [path for path in told if path not in FORMS | OWN and not all(told[path] or [""])]

    postgres.stop()
    try:
        wrong = []
        for path, before in pages.items():
            page = await browser.page(path)
            words = page.texts("h1") if path != "/lag" else before.texts("h1")  # it says there that Postgres is away
            if (503, before.texts("h1")) != (page.status, words) or AS_OF not in " ".join(page.texts(".notice")):
                wrong.append((path, page.status, page.texts("h1"), page.texts(".notice")))
            wrong += [(path, form.get("action")) for form in page.tree.cssselect("main form[method=post]")]
            unseen = await browser.page(f"{path}?never=asked")
            if (503, ["Postgres cannot be reached"]) != (unseen.status, unseen.texts("h1")):
                wrong.append((path, "unseen", unseen.status))
        assert [] == wrong
    finally:
        postgres.start()
