"""The queues of what is not connected: candidates with reasons, one press connects, one takes it back."""

import pytest

from ingest.api.resources import connections


@pytest.fixture
def settings(settings):
    """A worker runs in one of them: its reply is waited for."""
    return settings.model_copy(update={"reply_timeout_ms": 120_000})


@pytest.fixture
async def feed(api):
    """A feed with feed variants that no rule connected, and the account's variants."""
    made = await api.new_feed(name="Acme")
    variants = [
        {"sku": "oak-1"},
        {"sku": "OAK-1"},
        {"sku": "4711", "name": "Chair"},
        {"sku": "lamp", "barcode": "4006381333931"},
        {"sku": "by-hand"},
    ]
    created = await api.ok("POST", "/api/variants.json", variants)
    ids = {one["sku"]: one["id"] for one in created}
    for external_id, sku, barcode, variant in [
        ("E-1", "Oak-1", None, None),
        ("E-2", "ACME-4711", None, None),
        ("E-3", "x", "4006381333931", None),
        ("E-4", None, "4006381333931", None),
        ("E-5", "other", None, ids["by-hand"]),
        ("E-6", "lamp", None, ids["lamp"]),
    ]:
        api.execute(
            "INSERT INTO feed_variants (account_id, feed_id, variant_id, external_id, vendor_sku, barcode, item_hash,"
            " details_hash, created_at, updated_at) VALUES (%s, %s, %s, %s, %s, %s, 0, 0, now(), now())",
            api.account_id,
            made["id"],
            variant,
            external_id,
            sku,
            barcode,
        )
    return made | {"variants": ids}


def found(page):
    """Return external id → (button, reason) of each candidate."""
    return {
        row.cssselect("th a")[0].text: [
            (one.cssselect("button")[0].text, one.cssselect("span")[0].text.strip())
            for one in row.cssselect(".candidate")
        ]
        for row in page.tree.cssselect("[data-row]")
    }


async def test_each_queue_shows_its_items_with_what_they_may_be_and_why(dashboard, feed, api, monkeypatch):
    browser = await dashboard.browser("write")
    page = await browser.page("/connect")
    assert {
        "E-1": [("oak-1", "SKU in another case"), ("OAK-1", "SKU in another case")],
        "E-2": [("4711", "SKU after the prefix “ACME-” · Chair")],
        "E-3": [("lamp", "the same barcode")],
    } == found(page)
    assert {"E-4": [("lamp", "the same barcode")]} == found(await browser.page("/connect?queue=withoutSku"))
    by_hand = await browser.page("/connect?queue=byHand")
    assert ["E-5"] == list(found(by_hand))
    assert "No item fits more than one" in (await browser.page("/connect?queue=ambiguous")).text_of(".empty p")
    await api.ok("PUT", f"/api/inventory-feeds/{feed['id']}.json", {"caseInsensitiveSkus": True})
    assert ["E-1"] == list(found(await browser.page("/connect?queue=ambiguous")))

    viewer = await dashboard.browser("read")
    assert [] == (await viewer.page("/connect")).texts("main button")
    assert 403 == (await viewer.post("/connect/1", {"variant": "1"})).status

    monkeypatch.setattr(connections, "LOOKED_AT", 1)  # a page looks at few rows, and goes on behind them
    page = await browser.page("/connect?queue=ambiguous")
    seen = list(found(page))
    while further := page.tree.cssselect("main .inside a.button"):
        page = await browser.page("/connect" + further[0].get("href"))
        seen += found(page)
    assert ["E-1"] == seen


async def test_the_rules_that_a_feed_does_not_follow_are_counted(dashboard, feed, api):
    browser = await dashboard.browser("read")
    told = await browser.page("/connect/rules")
    assert "Acme: ignoring case connects 0 more, 1 ambiguous; barcodes connect 1 more." == told.text_of("li")
    await api.ok("PUT", f"/api/inventory-feeds/{feed['id']}.json", {"automaticallyConnectByBarcode": True,
                                                                     "caseInsensitiveSkus": True})  # fmt: skip
    assert "No other rule would connect any of the first 3." == (await browser.page("/connect/rules")).text_of("p")


async def test_a_press_connects_and_the_toast_takes_it_back(dashboard, feed, api, worker):
    browser = await dashboard.browser("write")
    page = await browser.page("/connect")
    (row,) = [row for row in page.tree.cssselect("[data-row]") if row.cssselect("th a")[0].text == "E-2"]
    form = row.cssselect("form")[0]
    done = await browser.post(form.get("action"), {**dict(form.fields), "back": "/connect"})
    assert "E-2 is connected to variant" in done.text_of(".toast span")
    assert "E-2" not in found(done)
    (undo,) = [form for form in done.tree.forms if "toast" in form.getparent().getparent().get("class", "")]
    undone = await browser.post(undo.get("action"), dict(undo.fields))
    assert "E-2 is not connected any more." == undone.text_of(".toast span")
    assert "E-2" in found(undone)

    typed = await browser.post(form.get("action"), {"sku": "oak-1", "back": "/connect"})
    assert "E-2 is connected to oak-1." == typed.text_of(".toast span")
    unknown = await browser.post(form.get("action"), {"sku": "none", "back": "/connect"})
    assert "has no variant with the SKU none" in unknown.text_of(".toast")
    logged = api.execute("SELECT jsonb_agg(after ->> 'variantId' ORDER BY id) FROM audit_log")
    assert [str(feed["variants"]["4711"]), None, str(feed["variants"]["oak-1"])] == logged
