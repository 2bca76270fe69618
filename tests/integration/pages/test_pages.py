"""Pages as fragments: one running dashboard, asserted with lxml."""

import pytest

CANARIES = """
INSERT INTO canaries (shard, arrived_at, took_ms, failed_at, stage, reason)
VALUES (0, now(), 12, NULL, NULL, NULL), (1, now() - interval '10 minutes', 9, now(), 'receipt', 'none within 30 s')
ON CONFLICT (shard) DO UPDATE SET arrived_at = excluded.arrived_at, failed_at = excluded.failed_at,
    stage = excluded.stage, reason = excluded.reason
"""
FEEDS = """
INSERT INTO inventory_feeds (account_id, dropship_provider_id, name, resource_type, hash, enabled)
SELECT f.account_id, f.dropship_provider_id, 'feed ' || n, 'webhook', 'of feed ' || n, n <> 300
FROM generate_series(1, 300) AS n JOIN inventory_feeds f ON f.id = %s
"""


@pytest.fixture
async def feed(api):
    """A pulled feed of the first account with a held run that has rejects."""
    made = await api.new_feed(
        name="Acme <stock>",
        resourceType="ftpCsv",
        resourceLocation="http://user:pass@vendor.example/x.csv",
        mapping={"externalId": "Artikel", "inventoryQuantity": "Bestand"},
    )
    run = api.execute(
        "INSERT INTO runs (account_id, feed_id, status, trigger, started_at, ended_at, bytes, encoding, rows_read,"
        " fingerprint, rows_mapped, rows_rejected, error_code, error) VALUES (%s, %s, 'held', 'manual', now(), now(),"
        " 1300, 'cp1252', 41, '0123456789abcdef', 40, 1, 'fewer_rows',"
        " '41 rows, 59 %% fewer than the 100 of the last run') RETURNING id",
        api.account_id,
        made["id"],
    )
    api.execute(
        "INSERT INTO run_rejects (run_id, position, row_number, field, source, code, message, value)"
        " VALUES (%s, 1, 42, 'inventoryQuantity', 'Bestand', 'type', 'expected a whole number', 'soon')",
        run,
    )
    api.execute(
        "INSERT INTO pull_feeds (feed_id, account_id, planned_for, time_zone, last_run_id, last_run_status)"
        " VALUES (%s, %s, now(), 'UTC', %s, 'held') ON CONFLICT (feed_id) DO UPDATE SET last_run_status = 'held',"
        " last_run_id = excluded.last_run_id",
        made["id"],
        api.account_id,
        run,
    )
    return made | {"run": run}


async def test_now_says_the_worst_thing_first_and_what_to_do(dashboard, feed, api):
    browser = await dashboard.browser()
    page = await browser.page("/")
    assert "A run of Acme <stock> is held" == page.text_of("#lead h1")
    assert [f"/feeds/{feed['id']}/runs/{feed['run']}"] == [link.get("href") for link in page.tree.cssselect("#needs a")]
    assert {"Post to commit", "Items a second", "Feeds late", "Dead letters", "Used today"} <= set(
        page.texts(".number .label")
    )
    assert 2 == len(page.tree.cssselect("figure.chart details table"))
    assert "no-store" in page.headers["Cache-Control"]
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert "No canary flies" in page.text_of("#canary")

    api.execute("UPDATE accounts SET daily_sku_limit = 10 WHERE id = %s", api.account_id)
    api.execute(
        "INSERT INTO dead_letters (account_id, feed_id, code, reason, payload)"
        " SELECT %s, %s, 'x', 'y', '' FROM generate_series(1, 3)",
        *(api.account_id, feed["id"]),
    )
    api.execute(CANARIES)
    page = await browser.page("/")
    assert "The canary has not arrived for 10 min" == page.text_of("#lead h1")
    stage = "its post was accepted, and no receipt came on shard 1 (none within 30 s)"
    assert f"an item of our own goes the whole road: {stage}" in page.text_of("#lead p")
    assert f"did not arrive just now: {stage}; it last went the whole road 10 min ago" in page.text_of("#canary")
    assert "Dead letters of Acme <stock> grow" in page.texts("#needs strong")
    for card in page.tree.cssselect("#numbers > *"):
        target = card.get("href")
        assert target.startswith("#") or 200 == (await browser.page(target)).status, target


async def test_now_judges_every_feed_and_the_list_that_it_leads_to_finds_them(dashboard, feed, api):
    api.execute(FEEDS, feed["id"])
    api.execute("UPDATE pull_feeds SET last_run_status = 'succeeded' WHERE feed_id = %s", feed["id"])
    browser = await dashboard.browser()
    page = await browser.page("/")
    assert "feed 300 is disabled" == page.text_of("#lead h1")  # the last of 301
    assert "of 301" in page.text_of("#numbers")
    listed = await browser.page("/feeds?condition=disabled")
    assert ["feed 300"] == listed.texts("#list th[scope=row] a")
    first = await browser.page("/feeds?condition=new")
    assert 50 == len(first.texts("#list th[scope=row]"))
    (more,) = first.tree.cssselect("a.button[href*='after=']")
    assert {"feed 50"} == set((await browser.page(f"/feeds{more.get('href')}")).texts("#list th[scope=row] a")[:1])


async def test_each_page_names_its_operations_as_curl_and_answers_as_json(dashboard, feed):
    browser = await dashboard.browser()
    page = await browser.page(f"/feeds/{feed['id']}")
    assert any(f"/api/inventory-feeds/{feed['id']}.json" in line for line in page.texts(".foot pre"))
    answer = await browser.page(f"/feeds/{feed['id']}?as=json")
    assert '"name":"Acme <stock>"' in answer.text
    assert "pass" not in page.text_of("main") + answer.text  # credentials are masked


async def test_a_read_token_sees_no_buttons_and_cannot_press_them(dashboard, feed):
    viewer = await dashboard.browser("read")
    here = f"/feeds/{feed['id']}"
    for path in ("/feeds", here, f"{here}/runs/{feed['run']}"):
        page = await viewer.page(path)
        assert [] == page.texts("main button"), path
        assert [] == page.texts("main a.button"), path
    assert 403 == (await viewer.post(f"{here}/switch", {"enabled": ""})).status
    assert 403 == (await viewer.page(f"{here}/mapping")).status


async def test_a_feed_is_disabled_with_one_click_and_the_toast_takes_it_back_and_the_audit_log_knows(
    dashboard, feed, api
):
    browser = await dashboard.browser("write")
    here = f"/feeds/{feed['id']}"
    page = await browser.post(f"{here}/switch", {"enabled": "", "back": here})
    assert "is disabled" in page.text_of(".toast")
    assert ["1"] == [field.get("value") for field in page.tree.cssselect(".toast input[name=enabled]")]
    assert [] == (await browser.page(here)).texts(".toast")  # said once

    await browser.post(f"{here}/switch", {"enabled": "1"})
    rows = api.execute(
        "SELECT jsonb_agg(jsonb_build_array(operation, before, after) ORDER BY id) FROM audit_log"
        " WHERE account_id = %s",
        api.account_id,
    )
    assert [
        ["inventory_feeds.disable", {"enabled": True}, {"enabled": False}],
        ["inventory_feeds.update", {"enabled": False}, {"enabled": True}],
    ] == rows


async def test_two_people_who_change_a_feed_see_both_versions_and_the_audit_log_names_who_won(dashboard, feed, api):
    browser = await dashboard.browser("admin")
    path = f"/feeds/{feed['id']}/settings"
    form = _fields_of(await browser.page(path), path)
    await api.ok("PUT", f"/api/inventory-feeds/{feed['id']}.json", {"allocationBuffer": 5})
    page = await browser.post(path, {**_sent(form), "allocationBuffer": "2"})
    assert 412 == page.status
    assert ["5", "2"] == page.texts("[role=alert] tbody td")
    again = _fields_of(page, path)
    saved = await browser.post(path, _sent(again))
    assert "The settings are saved." in saved.text_of(".toast")
    log = await browser.page("/audit-log")
    assert "allocationBuffer 5 \N{RIGHTWARDS ARROW} 2" in log.texts("td[data-label=Changed]")
    assert 403 == (await (await dashboard.browser("write")).page("/audit-log")).status


def _fields_of(page, path):
    """Return the fields of the page's form that is sent to a path, which is one that changes."""
    (form,) = [form for form in page.tree.forms if form.action == path and form.method == "POST"]
    return {field.name: field.value for field in form.inputs if field.name}


def _sent(form):
    """Return what a browser sends of a form: no checkbox that is not checked."""
    return {name: str(value) for name, value in form.items() if value is not None}


async def test_a_feed_is_deleted_only_when_its_name_was_typed(dashboard, feed):
    browser = await dashboard.browser("write")
    here = f"/feeds/{feed['id']}"
    refused = await browser.post(f"{here}/delete", {"typed": "Acme", "back": here})
    assert "Nothing was changed." in refused.text_of(".toast")
    page = await browser.post(f"{here}/delete", {"typed": "Acme <stock>"})
    assert "Feeds" == page.text_of("h1")
    assert 404 == (await browser.page(here)).status


async def test_a_held_run_tells_why_and_its_rejects_have_a_mend(dashboard, feed):
    browser = await dashboard.browser("write")
    page = await browser.page(f"/feeds/{feed['id']}/runs/{feed['run']}")
    assert "Held: nothing was changed" in page.texts("#state h2")
    assert "59 % fewer than the 100" in page.text_of("#state")
    assert {"Approve these 40 rows", "Reject this file", "“soon” means 0"} <= set(page.texts("main button"))
    assert {"41", "0123456789"} <= set(page.texts(".number .value"))
    assert "40 mapped + 1 rejected" in page.texts(".number .note")
    stages = [(stage.get("class"), stage.text.strip()) for stage in page.tree.cssselect(".stages li")]
    assert [
        ("done", "fetching"),
        ("stopped", "parsing"),
        ("", "publishing"),
        ("", "settling"),
        ("", "cleaning"),
    ] == stages


async def test_what_became_of_a_runs_rows_leads_to_the_receipts_that_it_counts(dashboard, feed, api):
    api.execute("""UPDATE runs SET status = 'partial', counts = '{"created": 40}' WHERE id = %s""", feed["run"])
    api.execute(
        "INSERT INTO receipts (account_id, batch_id, received_at, feed_id, run_id, source, applied_at, counts, items)"
        " SELECT account_id, gen_random_uuid(), now(), feed_id, id, 'pull', now(), counts, '[]' FROM runs"
        " WHERE id = %s",
        feed["run"],
    )
    browser = await dashboard.browser("read")
    page = await browser.page(f"/feeds/{feed['id']}/runs/{feed['run']}")
    (way,) = [number.get("href") for number in page.tree.cssselect("a.number[href^='/receipts']")]
    assert ["40 created"] == (await browser.page(way)).texts("td[data-label=Outcomes]")


async def test_a_sku_is_found_and_its_quantity_told_as_a_sum(dashboard, feed, api):
    variant = (await api.ok("POST", "/api/variants.json", {"sku": "oak-table"}))["id"]
    api.execute(
        "INSERT INTO feed_variants (account_id, feed_id, variant_id, external_id, vendor_sku, inventory_quantity,"
        " item_hash, details_hash, created_at, updated_at) VALUES (%s, %s, %s, 'E-1', 'V-1', 9, 0, 0, now(), now())",
        api.account_id,
        feed["id"],
        variant,
    )
    await api.ok("PUT", f"/api/inventory-feeds/{feed['id']}.json", {"allocationBuffer": 2})
    browser = await dashboard.browser("read")
    page = await browser.page("/search?q=oak-table")
    assert ("oak-table", "/sku/oak-table") == (page.text_of("h1"), page.url)
    assert "Sells 7 = Acme <stock> 9 \N{MINUS SIGN} buffer 2." == page.text_of(".lead h2")
    assert "E-1" == (await browser.page("/search?q=V-1")).text_of("h1")
    assert "Nothing is called" in (await browser.page("/search?q=none")).text_of(".empty h2")
    await api.ok("POST", "/api/variants.json", {"sku": "oak-table-2", "barcode": "oak"})
    page = await browser.page("/search?q=oak-")
    assert ["oak-table", "oak-table-2"] == page.texts("tbody th a")
    assert "oak-table-2" == (await browser.page("/search?q=oak")).text_of("h1")  # exactly a barcode, before beginnings
    ways = await browser.page("/palette?q=acme")
    assert [(f"/feeds/{feed['id']}", "Acme <stock> feed")] == [
        (way.get("href"), " ".join(way.text_content().split())) for way in ways.tree.cssselect("a")
    ]
    assert "oak-table variant, by its SKU" in (await browser.page("/palette?q=oak-")).texts("a")
    page = await browser.page(f"/search?q={feed['run']}")
    assert f"/feeds/{feed['id']}/runs/{feed['run']}" == page.url
    assert [] == (await (await dashboard.browser("read", api.other_account_id)).page("/search?q=oak-")).texts(
        "tbody th"
    )


async def test_an_override_shows_its_number_before_it_is_saved_and_the_timeline_tells_what_changed(
    dashboard, feed, api
):
    variant = (await api.ok("POST", "/api/variants.json", {"sku": "oak-table"}))["id"]
    for name, quantity in (("E-1", 9), ("E-2", 4)):
        api.execute(
            "INSERT INTO feed_variants (account_id, feed_id, variant_id, external_id, inventory_quantity, item_hash,"
            " details_hash, created_at, updated_at) VALUES (%s, %s, %s, %s, %s, 0, 0, now(), now())",
            *(api.account_id, feed["id"], variant, name, quantity),
        )
    browser = await dashboard.browser("write")
    item = (await browser.page("/search?q=E-1")).url
    would = await browser.page(f"{item}/outlook?inventoryQuantityOverride=maximum&manualInventoryQuantity=5")
    assert "May sell 5 instead of 9; its SKU then sells 9" == would.text_of("p")
    would = await browser.page(f"{item}/outlook?inventoryQuantityOverride=none&manualInventoryQuantity=5")
    assert "May sell 9 instead of 9; its SKU then sells 13" == would.text_of("p")
    assert "manualInventoryQuantity" in (
        await browser.page(f"{item}/outlook?inventoryQuantityOverride=manual&manualInventoryQuantity=x")
    ).text_of(".wrong")
    given = {"inventoryQuantityOverride": "manual", "manualInventoryQuantity": "5"}
    page = await browser.post(f"{item}/override", given)
    assert "It is on its way" in page.text_of(".toast")  # no worker runs here, so the reply is late
    undo = {field.get("name"): field.get("value") for field in page.tree.cssselect(".toast input")}

    form = (await browser.page(f"/feeds/{feed['id']}/settings")).tree.cssselect("main form")[0]
    await browser.post(f"/feeds/{feed['id']}/settings", {**dict(form.form_values()), "allocationBuffer": "2"})
    told = (await browser.page(item)).texts("#history td[data-label=Changed]")
    assert ["allocationBuffer 0 → 2"] == [text for text in told if "Buffer" in text]
    by = (await browser.page("/sku/oak-table")).texts("td[data-label=By]")
    assert 1 == sum("(token " in text for text in by)  # of one feed's two items
    assert ("none", "") == (undo["inventoryQuantityOverride"], undo["manualInventoryQuantity"])
