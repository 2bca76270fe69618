"""A vendor's link: swapped once for a cookie, shows its own feed alone, and ends when it is revoked."""

import pytest

from ingest.pages.vendor import serve

LIMIT = 777_777_777
SECRETS = ("user:pass", str(LIMIT), f"{LIMIT:,}", "their-own-sku", "Other feed", " hash", "-hash", '"hash"')
"""Longer than what a random key or number of a page holds by chance."""


@pytest.fixture
async def feed(api):
    """A pulled feed with a run, a reject, and an item that is connected to a variant of the account."""
    made = await api.new_feed(
        name="Acme stock",
        resourceType="ftpCsv",
        resourceLocation="http://user:pass@vendor.example/x.csv",
        mapping={"externalId": "Artikel", "inventoryQuantity": "Bestand"},
    )
    await api.new_feed(name="Other feed")
    variant = (await api.ok("POST", "/api/variants.json", {"sku": "their-own-sku"}))["id"]
    api.execute("UPDATE accounts SET daily_sku_limit = %s WHERE id = %s", LIMIT, api.account_id)
    api.execute(
        "INSERT INTO feed_variants (account_id, feed_id, variant_id, external_id, vendor_sku, inventory_quantity,"
        " item_hash, details_hash, created_at, updated_at) VALUES (%s, %s, %s, 'E-1', 'V-1', 9, 0, 0, now(), now())",
        api.account_id,
        made["id"],
        variant,
    )
    run = api.execute(
        "INSERT INTO runs (account_id, feed_id, status, trigger, started_at, ended_at, rows_read, rows_mapped,"
        " rows_rejected) VALUES (%s, %s, 'partial', 'manual', now(), now(), 41, 40, 1) RETURNING id",
        api.account_id,
        made["id"],
    )
    api.execute(
        "INSERT INTO run_rejects (run_id, position, row_number, field, source, code, message, value)"
        " VALUES (%s, 1, 42, 'inventoryQuantity', 'Bestand', 'type', 'expected a whole number', '=soon')",
        run,
    )
    return made | {"run": run}


async def link_of(dashboard, feed, note="Acme"):
    """Return a new link's path and secret, made by an editor on the feed's page."""
    editor = await dashboard.browser("write")
    page = await editor.post(f"/feeds/{feed['id']}/vendor-links", {"note": note, "days": "30"})
    assert 201 == page.status
    path, _, secret = page.text_of("#link").partition("#")
    return path.removeprefix(dashboard.url), secret


async def test_a_link_is_shown_once_opened_by_its_secret_and_revoked_at_once(dashboard, feed, api):
    path, secret = await link_of(dashboard, feed)
    kept = api.execute("SELECT row_to_json(l)::text FROM vendor_links l")
    assert secret not in kept
    here = f"/feeds/{feed['id']}/vendor-links"
    editor = await dashboard.browser("write")
    shown = await editor.page(here)
    assert secret not in shown.text
    assert ["never"] == shown.texts("td[data-label='Last opened']")

    vendor = await dashboard.browser(None)
    door = await vendor.page(path)
    assert (200, "no-referrer", "noindex, nofollow") == (
        door.status, door.headers["Referrer-Policy"], door.headers["X-Robots-Tag"],
    )  # fmt: skip
    assert 403 == (await vendor.post(path, {"secret": secret[:-1]})).status
    assert 403 == (await vendor.post(path, {"secret": secret}, {})).status  # not from the link's own page
    page = await vendor.post(path, {"secret": secret})
    assert (200, "Your last files") == (page.status, page.text_of("h1"))
    assert ["just now"] == (await editor.page(here)).texts("td[data-label='Last opened']")

    actions = [str(form.get("action")) for form in (await editor.page(here)).tree.forms]
    (revoke,) = [action for action in actions if action.endswith("/revoke")]
    await editor.post(revoke)
    assert 401 == (await vendor.page(path)).status
    assert 403 == (await vendor.post(path, {"secret": secret})).status
    masked = api.execute("SELECT after ->> 'link' FROM audit_log WHERE operation = 'vendor_links.create'")
    assert secret not in masked


async def test_a_vendor_sees_its_runs_rejects_and_items_and_nothing_of_the_account(dashboard, feed, api):
    path, secret = await link_of(dashboard, feed)
    vendor = await dashboard.browser(None)
    page = await vendor.post(path, {"secret": secret})
    assert ["was read, some rows were refused"] == page.texts(".pill")
    pages = [page]
    rejects = await vendor.page(f"{path}/files/{feed['run']}")
    assert ["Bestand", "=soon"] == rejects.texts("td code")
    assert "expected a whole number" in rejects.texts("td[data-label=Why]")
    csv = await vendor.page(f"{path}/files/{feed['run']}/rejects.csv")
    assert "42,,Bestand,'=soon,expected a whole number" in csv.text
    api.execute("UPDATE run_rejects SET record = %s", '[["Artikel","E-2"],["Bestand","=soon"]]')
    rows = await vendor.page(f"{path}/files/{feed['run']}/rejected-rows.csv")
    assert "E-2,'=soon,Bestand,row 42: expected a whole number" in rows.text
    items = await vendor.page(f"{path}/items")
    assert (["E-1"], ["V-1"], ["9"]) == (
        items.texts("tbody th"), items.texts("td[data-label=SKU]"), items.texts("td[data-label=Quantity]"),
    )  # fmt: skip
    assert "Nothing is called" in (await vendor.page(f"{path}/items?q=their-own-sku")).text_of(".empty h2")
    pages += [rejects, csv, rows, items, await vendor.page(f"{path}?as=json")]
    for shown in pages:
        assert [] == [secret for secret in SECRETS if secret in shown.text]
    assert 404 == (await vendor.page(f"{path}/files/{feed['run'] + 1}")).status

    other = await api.new_feed(name="Another")
    other_path, _ = await link_of(dashboard, other)
    closed = await vendor.page(other_path)  # a cookie opens its own link
    assert "Your stock, as we have it" == closed.text_of("h1")
    for account_page in ("/feeds", f"/feeds/{feed['id']}"):
        assert "Sign in" == (await vendor.page(account_page)).text_of("h1")


async def test_a_vendor_tries_a_file_and_nothing_is_written(dashboard, feed, api):
    path, secret = await link_of(dashboard, feed)
    vendor = await dashboard.browser(None)
    api.client.server.app[serve.TESTS].clock = lambda: 0.0
    await vendor.post(path, {"secret": secret})
    before = api.execute("SELECT (SELECT count(*) FROM feed_variants) + (SELECT count(*) FROM previews)")
    page = await vendor.upload(f"{path}/test", {"file": b"Artikel;Bestand\nC-1;7\nC-2;soon\n"})
    assert "2 read: 1 taken, 1 refused" == page.text_of("#tested h2")
    assert ["C-1", "7"] == page.texts(".rows td")
    assert ["Bestand", "soon"] == page.texts("td code")
    assert before == api.execute("SELECT (SELECT count(*) FROM feed_variants) + (SELECT count(*) FROM previews)")
    await vendor.post(f"{path}/test", {"text": "<html>"})
    for _ in range(serve._TESTS_A_MINUTE):
        last = await vendor.post(f"{path}/test", {"text": ""})
    assert (429, True) == (last.status, "Retry-After" in last.headers)


async def test_a_vendor_that_posts_tries_its_items_and_sees_what_was_refused_of_its_posts(dashboard, api):
    feed = await api.new_feed(name="Push")
    path, secret = await link_of(dashboard, feed)
    vendor = await dashboard.browser(None)
    assert "No post has arrived yet" in (await vendor.post(path, {"secret": secret})).text_of(".empty h2")
    api.execute(
        "INSERT INTO receipts (account_id, batch_id, received_at, feed_id, source, applied_at, counts, items)"
        " VALUES (%s, '00000000-0000-0000-0000-000000000001', now(), %s, 'webhook', now(),"
        """ '{"deferred": 2, "rejected": 1}', convert_to(%s, 'UTF8'))""",
        api.account_id,
        feed["id"],
        '[{"index": 1, "externalId": "A", "outcome": "rejected", "code": "limit.daily_sku",'
        ' "message": "over the daily SKU limit of the account"}]',
    )
    page = await vendor.page(path)
    assert ["3", "1"] == page.texts("td.num")
    post = await vendor.page(page.tree.cssselect("td.num a")[0].get("href"))
    assert ["was not taken that day: send it again on the next"] == post.texts("td[data-label=Why]")
    assert "limit" not in post.text

    tried = await vendor.post(f"{path}/test", {"text": '[{"externalId": "A", "inventoryQuantity": "x"}]'})
    assert "1 read: 0 taken, 1 refused" == tried.text_of("#tested h2")
    wrong = await vendor.post(f"{path}/test", {"text": "A;1"})
    assert "this is not JSON" in wrong.text_of("#tested")


async def test_a_token_that_is_bound_to_a_feed_signs_nobody_in(dashboard, feed, api):
    bound = await api.ok("POST", "/api/tokens.json", {"name": "v", "inventoryFeedId": feed["id"]})
    browser = await dashboard.browser(None)
    assert 403 == (await browser.sign_in(bound["token"])).status
    assert "Sign in" == (await browser.page("/feeds")).text_of("h1")
