"""Buttons: pressed twice they count once, they answer in place, and what is dangerous asks who it is once more."""

import asyncio
from types import SimpleNamespace

import asyncpg
import pytest

from ingest.api.framework.call import SERVICES
from ingest.http.problems import ProblemError
from ingest.pages.routes import NAVIGATION
from ingest.pages.sessions.fresh import FRESH_TRIES, check_fresh
from ingest.pages.sessions.passwords import password_hash
from ingest.pages.sessions.tries import Tries

OWN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
async def feed(api):
    """A push feed of the first account."""
    return await api.new_feed(name="Acme")


def form_to(page, path, **fields):
    """Return what a browser sends of the form that leads to a path."""
    found = [{f.name: f.value or "" for f in form.inputs if f.name} for form in page.tree.forms if form.action == path]
    return next(form for form in found if fields.items() <= form.items())


def audited(api):
    return api.execute("SELECT jsonb_agg(jsonb_build_array(operation, after) ORDER BY id) FROM audit_log")


async def test_a_button_that_is_pressed_twice_counts_once_and_says_the_same(dashboard, feed, api):
    browser = await dashboard.browser("write")
    here = f"/feeds/{feed['id']}"
    page = await browser.page(here)
    sent = {**form_to(page, f"{here}/switch"), "reason": "wrong <stock> since Monday"}
    answers = await asyncio.gather(*(browser.post(f"{here}/switch", sent) for _ in range(3)))
    assert {200} == {answer.status for answer in answers}
    assert {"Acme is disabled: it takes no posts and is not fetched. Undo"} >= {
        " ".join(said.split()) for answer in answers for said in answer.texts(".toast")
    }
    disabled = {"enabled": False, "disabledReason": "wrong <stock> since Monday"}
    assert [["inventory_feeds.disable", disabled]] == audited(api)
    assert "wrong <stock> since Monday" in answers[0].text_of("#state")

    reused = await browser.post(f"{here}/switch", {**sent, "enabled": "1"})
    assert "This form was sent before with other values: load the page again. Nothing was changed." == (
        reused.text_of(".toast")
    )
    undo = form_to(answers[0], f"{here}/switch", enabled="1")
    assert undo["key"] != sent["key"]
    assert "Acme is enabled." in (await browser.post(f"{here}/switch", undo)).text_of(".toast")


async def test_what_fails_halfway_leaves_neither_change_nor_audit_nor_answer(dashboard, feed, api):
    browser = await dashboard.browser("write")
    here = f"/feeds/{feed['id']}"
    sent = form_to(await browser.page(here), f"{here}/switch")
    api.execute("ALTER TABLE audit_log ADD CONSTRAINT broken CHECK (operation <> 'inventory_feeds.disable')")
    assert 500 == (await browser.post(f"{here}/switch", sent)).status
    assert (await api.ok("GET", f"/api/inventory-feeds/{feed['id']}.json"))["enabled"]
    api.execute("ALTER TABLE audit_log DROP CONSTRAINT broken")
    assert "is disabled" in (await browser.post(f"{here}/switch", sent)).text_of(".toast")


async def test_a_buttons_answer_is_put_where_it_was_pressed_and_leads_elsewhere_as_a_whole(dashboard, feed, api):
    browser = await dashboard.browser("write")
    here = f"/feeds/{feed['id']}"
    page = await browser.page(here)
    boosted = {**OWN, "HX-Request": "true", "HX-Boosted": "true", "HX-Current-URL": f"{dashboard.url}{here}?x=1"}
    answer = await browser.post(f"{here}/rotate", form_to(page, f"{here}/rotate"), boosted)
    assert "has a new hash" in answer.text_of("#content .toast")
    assert ["The hash before"] == [text for text in answer.texts("#state .label") if "hash" in text]
    assert "23 h 59 min" in answer.texts("#state .value")
    away = {**boosted, "HX-Current-URL": f"{dashboard.url}/feeds"}
    async with browser.client.post(f"{dashboard.url}{here}/rotate", data={}, headers=away) as response:
        assert (204, here) == (response.status, response.headers["HX-Redirect"])
    refused = await browser.post(f"{here}/delete", {"typed": "no"}, boosted)
    assert (422, "That cannot be") == (refused.status, refused.text_of("#content h1"))


async def test_every_button_of_every_page_has_a_key(dashboard, feed):
    browser = await dashboard.browser("operator")
    here = f"/feeds/{feed['id']}"
    for path in (*(way.address for way in NAVIGATION), here, f"{here}/settings", "/feeds/new"):
        page = await browser.page(path)
        for form in page.tree.cssselect("main form[method=post]"):
            assert form.cssselect("input[name=key]"), (path, form.action)


async def test_what_is_dangerous_needs_the_password_or_token_once_more(dashboard, api):
    async with asyncpg.create_pool(api.database, min_size=1, max_size=2) as pool:
        request = SimpleNamespace(app={SERVICES: SimpleNamespace(pool=pool), FRESH_TRIES: Tries(clock=lambda: 0.0)})
        person = api.execute(
            "INSERT INTO people (account_id, name, role, password_hash) VALUES (%s, 'Ada', 'admin', %s) RETURNING id",
            *(api.account_id, password_hash("correct horse battery")),
        )
        token = api.execute("SELECT id FROM api_tokens WHERE account_id = %s AND scope = 'admin'", api.account_id)

        def session(token_id=None, person_id=None, age="0 s"):
            number = api.execute(
                "INSERT INTO sessions (digest, account_id, role, who, token_id, person_id, address, agent, created_at)"
                " VALUES (sha256(random()::text::bytea), %s, 'admin', 'x', %s, %s, '', '', now() - %s::interval)"
                " RETURNING id",
                *(api.account_id, token_id, person_id, age),
            )
            return SimpleNamespace(id=number, account_id=api.account_id)

        async def refused(who, secret):
            with pytest.raises(ProblemError) as caught:
                await check_fresh(request, who, secret)
            return caught.value.code

        by_token, by_person, by_link = session(token), session(person_id=person), session()
        await check_fresh(request, by_token, api.token)
        await check_fresh(request, by_person, "correct horse battery")
        await check_fresh(request, by_link, "")
        assert "pages.fresh.wrong" == await refused(by_token, api.other_token)
        assert "pages.fresh.wrong" == await refused(by_person, api.token)
        assert "pages.fresh.link" == await refused(session(age="16 min"), "")
        for _ in range(9):
            await refused(by_token, "")
        assert "pages.fresh.tries" == await refused(by_token, api.token)
        await check_fresh(request, by_person, "correct horse battery")
