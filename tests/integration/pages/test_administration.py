"""People, tokens, vendors, receipts, settings and the fleet: what an admin does without a terminal."""

import pytest

PASSWORD = "correct horse battery"


async def link_of(browser, page):
    """Return the path of the link that a page shows once."""
    return page.text_of("#link").removeprefix(browser.url)


async def test_a_person_is_invited_chooses_a_password_is_given_a_role_reset_and_shut_out(dashboard, api):
    admin, ada = await dashboard.browser("admin"), await dashboard.browser(None)
    made = await admin.post("/people", {"name": "ada", "role": "viewer", "fresh": admin.token})
    assert (201, ["invited"]) == (made.status, made.texts("td[data-label=State]"))
    assert "is called Ada already" in (await admin.post("/people", {"name": "Ada", "fresh": admin.token})).text_of(
        "[role=alert]"
    )
    assert 403 == (await admin.post("/people", {"name": "eve", "fresh": "wrong"})).status
    invitation = await link_of(admin, made)
    assert invitation not in (await admin.page("/people")).text

    chooses = await ada.post(invitation)
    assert ("/password", "Choose a password") == (chooses.url, chooses.text_of("h1"))
    fields = {"new": PASSWORD, "again": PASSWORD}
    assert "differ" in (await ada.post("/password", {**fields, "again": "x"})).text_of("[role=alert]")
    assert "12" in (await ada.post("/password", {"new": "short", "again": "short"})).text_of("[role=alert]")
    assert "is set" in (await ada.post("/password", fields)).text_of(".toast")
    assert 401 == (await (await dashboard.browser(None)).post(invitation)).status  # once
    assert "until now is another" in (await ada.post("/password", fields)).text_of("[role=alert]")  # asks for the old

    again = await dashboard.browser(None)
    signed_in = await again.post("/sign-in", {"name": "ADA", "password": PASSWORD})
    assert 200 == signed_in.status
    assert 403 == (await again.page("/people")).status
    number = api.execute("SELECT id FROM people WHERE name = 'ada'")
    await admin.post(f"/people/{number}", {"role": "admin", "fresh": admin.token})
    assert 200 == (await again.page("/people")).status  # a role counts at once
    assert "another admin" in (
        await again.post(f"/people/{number}", {"role": "viewer", "back": "/people", "fresh": PASSWORD})
    ).text_of(".toast")
    assert 422 == (await admin.post("/people", {"name": "eve", "role": "operator", "fresh": admin.token})).status

    reset = await link_of(admin, await admin.post(f"/people/{number}/link", {"fresh": admin.token}))
    await again.post(reset)
    other = "another horse battery"
    assert "is set" in (await again.post("/password", {"new": other, "again": other})).text_of(".toast")
    assert "Sign in" == (await ada.page("/feeds")).text_of("h1")  # who knew the old password is out
    shut = await admin.post(f"/people/{number}/shut-out")
    assert ["shut out"] == shut.texts("td[data-label=State] .pill")
    assert "Sign in" == (await again.page("/feeds")).text_of("h1")
    assert 409 == (await admin.post(f"/people/{number}/link", {"fresh": admin.token})).status
    assert other not in api.execute("SELECT coalesce(string_agg(l::text, ''), '') FROM audit_log l")


async def test_a_token_is_made_for_a_feed_shown_once_and_revoked(dashboard, api):
    feed = await api.new_feed(name="Acme")
    admin = await dashboard.browser("admin")
    fields = {"name": "shop", "scope": "write", "bound": f"feed:{feed['id']}", "days": "30", "fresh": admin.token}
    made = await admin.post("/tokens", fields)
    token = made.text_of("#link")
    assert 200 == (await api.call("GET", "/api/batches.json", token=token)).status
    assert 403 == (await api.call("GET", "/api/variants.json", token=token)).status
    listed = await admin.page("/tokens")
    assert token not in listed.text
    assert "feed Acme" in listed.texts("td[data-label=For]")
    assert "No token was made" in (await admin.post("/tokens", {**fields, "scope": "admin"})).text_of("[role=alert]")
    number = api.execute("SELECT id FROM api_tokens WHERE name = 'shop'")
    await admin.post(f"/tokens/{number}/revoke")
    await api.call("GET", "/api/batches.json", token=token)
    assert 401 == (await api.call("GET", "/api/batches.json", token=token)).status
    assert 403 == (await (await dashboard.browser("write")).page("/tokens")).status


async def test_a_vendor_is_made_renamed_and_deleted_while_it_has_no_feed(dashboard):
    editor = await dashboard.browser("write")
    assert "No vendor yet" == (await editor.page("/providers")).text_of(".empty h2")
    page = await editor.post("/providers", {"name": "Acme"})
    assert "Acme" == page.text_of("h1")
    renamed = await editor.post(page.url, {"name": "Acme Ltd"})
    assert ("Acme Ltd", ["Acme"]) == (
        renamed.text_of("h1"), [field.get("value") for field in renamed.tree.cssselect(".toast input[name=name]")],
    )  # fmt: skip
    gone = await editor.post(f"{page.url}/delete")
    assert ("/providers", "No vendor yet") == (gone.url, gone.text_of(".empty h2"))


async def test_who_saves_what_somebody_else_changed_meanwhile_sees_both_versions_and_nothing_is_lost(dashboard):
    admin = await dashboard.browser("admin")
    here = (await admin.post("/providers", {"name": "Acme"})).url
    endpoint = {"name": "shop", "url": "https://a.example/x", "event-run.held": "1", "back": "/settings"}
    await admin.post("/settings/endpoints", endpoint)
    (hook,) = [link.get("href") for link in (await admin.page("/settings")).tree.cssselect("a[href*=endpoints]")]
    forms = {
        here: ({"name": "Acme Ltd"}, {"name": "Acme GmbH"}, ["name", "Acme Ltd", "Acme GmbH"]),
        "/settings": (
            {"name": "Shop", "timeZone": "UTC"},
            {"name": "Store", "timeZone": "UTC"},
            ["name", "Shop", "Store"],
        ),
        hook: ({**endpoint, "name": "one"}, {**endpoint, "name": "two"}, ["name", "one", "two"]),
    }
    for path, (theirs, mine, told) in forms.items():
        action = "/settings/account" if path == "/settings" else path
        seen = (await admin.page(path)).tree.cssselect(f"form[action='{action}'] input[name=version]")[0].get("value")
        await admin.post(action, {**theirs, "version": seen, "back": path})
        late = await admin.post(action, {**mine, "version": seen, "back": path})
        assert (412, "Somebody was faster") == (late.status, late.text_of("h1")), path
        assert told == late.texts("tbody th, tbody td"), path
        assert "Nothing was changed." in late.text_of("main .notice")
        assert [path] == [link.get("href") for link in late.tree.cssselect("main a.button")]


def ids_of(page):
    """Return the ids of the receipts that a page lists."""
    return [link.get("title") for link in page.tree.cssselect("td[data-label=Receipt] a")]


async def test_receipts_are_listed_by_feed_outcome_and_time_and_their_empty_states_differ(dashboard, api):
    viewer = await dashboard.browser("read")
    assert "No receipt yet" == (await viewer.page("/receipts")).text_of(".empty h2")
    feeds = [await api.new_feed(name=name) for name in ("One", "Two")]
    for number, feed in enumerate(feeds * 40):
        api.execute(
            "INSERT INTO receipts (account_id, batch_id, received_at, feed_id, source, applied_at, counts, items)"
            " VALUES (%s, %s, now() - make_interval(mins => %s), %s, 'webhook', now(), %s::jsonb, '[]')",
            api.account_id,
            f"00000000-0000-0000-0000-{number:012}",
            number,
            feed["id"],
            '{"rejected": 1}' if number == 3 else '{"updated": 2}',
        )
    page = await viewer.page("/receipts")
    assert [f"00000000-0000-0000-0000-{number:012}" for number in range(50)] == ids_of(page)
    further = await viewer.page("/receipts" + page.tree.cssselect("main .inside a.button")[0].get("href"))
    assert [f"00000000-0000-0000-0000-{number:012}" for number in range(50, 80)] == ids_of(further)
    assert 40 == len((await viewer.page(f"/receipts?feed={feeds[0]['id']}")).texts("td[data-label=Receipt]"))
    assert ["1 rejected"] == (await viewer.page("/receipts?outcome=rejected")).texts("td[data-label=Outcomes]")
    assert "No receipt is like that" == (await viewer.page("/receipts?from=2999-01-01T00:00")).text_of(".empty h2")
    assert "expected a time" in (await viewer.page("/receipts?from=soon")).text_of("[role=alert]")


async def test_a_form_that_shows_a_secret_makes_one_and_shows_the_same_when_it_is_sent_again(dashboard, api):
    admin = await dashboard.browser("admin")
    feed = await api.new_feed(name="Acme")
    forms = {
        "/tokens": {"name": "shop", "scope": "read", "fresh": admin.token},
        "/people": {"name": "ada", "role": "viewer", "fresh": admin.token},
        "/settings/endpoints": {"name": "shop", "url": "https://shop.example/in", "event-run.held": "1"},
        f"/feeds/{feed['id']}/vendor-links": {"note": "Acme"},
    }
    made_of = ("api_tokens WHERE name = 'shop'", "login_links", "endpoints", "vendor_links")
    for number, (path, fields) in enumerate(forms.items()):
        keyed = {**fields, "key": f"the-same-key-{number:03}"}
        made, again = await admin.post(path, keyed), await admin.post(path, keyed)
        assert (201, 201) == (made.status, again.status)
        assert made.text_of("#made") == again.text_of("#made")
    counts = [api.execute(f"SELECT count(*) FROM {rows}") for rows in made_of]
    number = api.execute("SELECT id FROM endpoints")
    rotate = [await admin.post(f"/settings/endpoints/{number}/rotate", {"key": "rotated-only-once"}) for _ in range(2)]
    assert [rotate[0].text_of("#made")] * 2 == [page.text_of("#made") for page in rotate]
    assert [1, 1, 1, 1] == counts


async def test_an_account_is_renamed_and_whom_it_tells_is_set_with_each_attempt_shown(dashboard, api):
    admin = await dashboard.browser("admin")
    saved = await admin.post("/settings/account", {"name": "Shop", "timeZone": "Europe/Berlin"})
    assert "The account is saved." == saved.text_of(".toast span")
    assert "Europe/Berlin" in saved.text_of(".bar .end")
    refused = await admin.post("/settings/account", {"name": "Shop", "timeZone": "Mars", "back": "/settings"})
    assert "Nothing was changed." in refused.text_of(".toast")
    assert "kept" in (await admin.post("/settings/stream", {"enabled": "1"})).text_of(".toast")

    fields = {"name": "shop", "url": "https://shop.example/in", "event-inventory.changed": "1"}
    made = await admin.post("/settings/endpoints", fields)
    secret = made.text_of("#link")
    assert secret.startswith("whsec_")
    number = api.execute("SELECT id FROM endpoints WHERE kind = 'webhook'")
    here = f"/settings/endpoints/{number}"
    api.execute(
        "INSERT INTO endpoint_attempts (account_id, endpoint_id, message_id, attempted_at, status, error, changes,"
        " took_ms) VALUES (%s, %s, 'msg_1', now(), 500, 'it said no', 3, 120)",
        api.account_id,
        number,
    )
    page = await admin.page(here)
    assert ["500 it said no"] == page.texts("td[data-label=Answer]")
    assert secret not in page.text
    disabled = await admin.post(f"{here}/switch", {"enabled": ""})
    assert ["disabled"] == disabled.texts(".number .pill")
    rotated = (await admin.post(f"{here}/rotate")).text_of("#link")
    logged = api.execute("SELECT string_agg(l::text, '') FROM audit_log l")
    assert [] == [one for one in (secret, rotated) if one in logged]
    viewer = await dashboard.browser("read")
    assert [] == (await viewer.page("/settings")).texts("main button")
    assert 403 == (await viewer.page(here)).status
    gone = await admin.post(f"{here}/delete", {"typed": "shop"})
    assert "shop is deleted." == gone.text_of(".toast span")


async def test_the_audit_log_is_filtered_by_who_what_and_when(dashboard, api):
    admin = await dashboard.browser("admin")
    await admin.post("/providers", {"name": "Acme"})
    await admin.post("/settings/account", {"name": "Shop", "timeZone": "UTC"})
    page = await admin.page("/audit-log?operation=account.update")
    assert ["account.update"] == page.texts("td[data-label=What] code")
    assert "No change is like that" == (await admin.page("/audit-log?subject=/api/none")).text_of(".empty h2")
    assert "No change is like that" == (await admin.page("/audit-log?since=2999-01-01T00:00")).text_of(".empty h2")


@pytest.mark.parametrize(("scope", "status"), [("admin", 403), ("operator", 200)])
async def test_the_fleet_is_for_operators(dashboard, api, scope, status):
    api.execute("INSERT INTO workers (id, host, pid) VALUES ('00000000-0000-0000-0000-000000000007', 'host-7', 42)")
    api.execute(
        "INSERT INTO shard_state (shard, worker_id, host) VALUES (0, '00000000-0000-0000-0000-000000000008', 'x')"
    )
    page = await (await dashboard.browser(scope)).page("/fleet")
    assert status == page.status
    if status == 200:
        assert "1 worker alive; nobody owns shard 0" in page.text_of("h1")
        assert ["host-7, process 42"] == page.texts("td[data-label=Host]")
