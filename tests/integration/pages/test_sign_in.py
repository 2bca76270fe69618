"""Signing in, and what a session may do: one running dashboard, many browsers."""

import pytest

from ingest.api.framework.call import SERVICES
from ingest.pages.security import cookie_kind
from ingest.pages.sessions.links import new_link
from ingest.pages.sessions.passwords import password_hash
from ingest.pages.sessions.roles import Role
from ingest.pages.sessions.tries import MOST
from ingest.pages.signing_in import TRIES

FOREIGN = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}


@pytest.fixture
async def connection(api):
    async with api.client.server.app[SERVICES].pool.acquire() as connection:
        yield connection


async def test_a_token_signs_in_and_the_session_ends_with_it(dashboard):
    stranger = await dashboard.browser(scope=None)
    assert "Sign in" == (await stranger.page("/")).text_of("h1")

    browser = await dashboard.browser("write")
    page = await browser.page("/sessions")
    assert "Sessions" == page.text_of("h1")
    assert ["editor"] == page.texts("td[data-label=Role]")

    dashboard.api.execute("UPDATE api_tokens SET revoked_at = now()")
    assert "Sign in" == (await browser.page("/sessions")).text_of("h1")


async def test_the_cookie_is_kept_from_scripts_and_other_sites_and_only_its_digest_is_stored(dashboard):
    browser = await dashboard.browser(scope=None)
    token = dashboard.api.new_token(dashboard.api.account_id)
    async with browser.client.post(
        f"{dashboard.url}/sign-in", data={"token": token}, headers={"Sec-Fetch-Site": "same-origin"},
        allow_redirects=False,
    ) as answer:  # fmt: skip
        cookie = answer.cookies["feedline"]
    assert (True, "Lax", "") == (cookie["httponly"], cookie["samesite"], cookie["secure"])
    assert 43 == len(cookie.value)
    assert 0 == dashboard.api.execute("SELECT count(*) FROM sessions WHERE encode(digest, 'escape') = %s", cookie.value)


async def test_over_https_the_cookie_is_a_host_cookie_and_over_plain_http_elsewhere_there_is_none(dashboard):
    https, loopback = cookie_kind(https=True, host="shop.example"), cookie_kind(https=False, host="127.0.0.1:8081")
    assert (("__Host-feedline", True), ("feedline", False)) == tuple(
        (kind.name, kind.secure) for kind in (https, loopback)
    )
    assert cookie_kind(https=False, host="10.0.0.5:8081") is None
    browser = await dashboard.browser(scope=None)
    assert 403 == (await browser.page("/sign-in", Host="10.0.0.5:8081")).status


async def test_a_link_signs_in_once_and_not_after_five_minutes(dashboard, connection):
    path = await new_link(connection, dashboard.api.account_id, Role.VIEWER)
    first, second = await dashboard.browser(scope=None), await dashboard.browser(scope=None)
    door = await first.page(path)  # what only looks at a link does not use it up
    assert (200, [path]) == (door.status, [str(form.get("action")) for form in door.tree.forms])
    assert 403 == (await first.post(path, headers=FOREIGN)).status
    assert "Now" == (await first.post(path)).text_of("[aria-current=page]")
    page = await second.post(path)
    assert (401, "Sign in") == (page.status, page.text_of("h1"))
    assert "This link was used" in page.text_of("[role=alert]")

    late = await new_link(connection, dashboard.api.account_id, Role.VIEWER)
    dashboard.api.execute("UPDATE login_links SET expires_at = now()")
    assert 401 == (await second.post(late)).status


async def test_a_person_signs_in_by_password_and_is_out_at_once_when_disabled(dashboard):
    hashed = password_hash("correct horse battery")
    dashboard.api.execute(
        "INSERT INTO people (account_id, name, role, password_hash) VALUES (%s, 'Ada', 'viewer', %s)",
        dashboard.api.account_id,
        hashed,
    )
    browser = await dashboard.browser(scope=None)
    wrong = await browser.post("/sign-in", {"name": "ada", "password": "correct horse"})
    unknown = await browser.post("/sign-in", {"name": "nobody", "password": "correct horse"})
    assert (401, wrong.text_of("[role=alert]")) == (wrong.status, unknown.text_of("[role=alert]"))

    page = await browser.post("/sign-in", {"name": "ada", "password": "correct horse battery"})
    assert "Now" == page.text_of("[aria-current=page]")
    dashboard.api.execute("UPDATE people SET disabled_at = now()")
    assert "Sign in" == (await browser.page("/")).text_of("h1")


async def test_the_eleventh_failed_sign_in_of_a_minute_is_not_looked_at(dashboard):
    browser = await dashboard.browser(scope=None)
    dashboard.api.client.server.app[TRIES].clock = lambda: 7.0
    for _ in range(MOST):
        assert 401 == (await browser.sign_in("feedline_wrong")).status
    page = await browser.sign_in(dashboard.api.token)
    assert 429 == page.status
    assert "61" == page.headers["Retry-After"]


async def test_a_form_of_another_site_changes_nothing(dashboard):
    browser = await dashboard.browser()
    own_origin = {"Origin": dashboard.url}
    assert [403, 403, 403] == [
        (await browser.post("/sign-out", headers=headers)).status
        for headers in (FOREIGN, {"Sec-Fetch-Site": "same-site"}, {})
    ]
    assert "Sessions" == (await browser.page("/sessions")).text_of("h1")
    assert "Sign in" == (await browser.post("/sign-out", headers=own_origin)).text_of("h1")


async def test_sessions_are_listed_and_ended_by_an_admin_and_nobody_reaches_those_of_another_account(dashboard):
    admin, viewer = await dashboard.browser("admin"), await dashboard.browser("read")
    other = await dashboard.browser("admin", dashboard.api.other_account_id)
    assert 2 == len((await admin.page("/sessions")).texts("tbody tr"))
    assert 1 == len((await viewer.page("/sessions")).texts("tbody tr"))
    victim = dashboard.api.execute("SELECT id FROM sessions WHERE role = 'viewer'")

    assert 404 == (await other.post(f"/sessions/{victim}/end")).status
    assert "Now" in (await viewer.page("/")).texts("[aria-current=page]")
    assert "The session has ended." in (await admin.post(f"/sessions/{victim}/end")).text_of(".toast")
    assert "Sign in" == (await viewer.page("/")).text_of("h1")
    assert "sessions.delete" == dashboard.api.execute("SELECT operation FROM audit_log ORDER BY id DESC LIMIT 1")


async def test_sessions_are_listed_and_ended_by_the_api_too_and_a_token_that_reads_reaches_its_own_alone(dashboard):
    api, (one, two) = dashboard.api, [await dashboard.browser("read") for _ in range(2)]
    seen = await api.ok("GET", "/api/sessions.json")
    assert [("viewer", "127.0.0.1")] * 2 == [(session["role"], session["address"]) for session in seen]
    assert [] == await api.ok("GET", "/api/sessions.json", token=api.other_token)
    (own,) = await api.ok("GET", "/api/sessions.json", token=one.token)
    (other,) = [session for session in seen if session["id"] != own["id"]]

    await api.problem(404, "DELETE", f"/api/sessions/{other['id']}.json", token=one.token)
    await api.problem(404, "DELETE", f"/api/sessions/{own['id']}.json", token=api.other_token)
    await api.ok("DELETE", f"/api/sessions/{own['id']}.json", token=one.token)
    await api.problem(404, "DELETE", f"/api/sessions/{own['id']}.json")  # it has ended
    assert "Sign in" == (await one.page("/")).text_of("h1")
    assert "Now" in (await two.page("/")).texts("[aria-current=page]")


async def test_a_session_ends_when_idle_for_twelve_hours_and_after_seven_days(dashboard):
    browser = await dashboard.browser()
    for what in ("seen_at = now() - interval '12 hours 1 second'", "created_at = now() - interval '7 days 1 second'"):
        dashboard.api.execute("UPDATE sessions SET seen_at = now(), created_at = now()")
        assert "Sign in" not in (await browser.page("/")).texts("h1")
        dashboard.api.execute(f"UPDATE sessions SET {what}")
        assert ["Sign in"] == (await browser.page("/")).texts("h1")
