"""How a feed read its files before: who replaced it, what differs from now, and putting it back."""


async def test_a_mapping_that_was_replaced_is_shown_with_what_differs_and_put_back(dashboard, api):
    before = {"externalId": "sku", "inventoryQuantity": "stock"}
    feed = await api.new_feed(
        name="Acme", resourceType="ftpCsv", resourceLocation="http://user:pass@v.example/x", mapping=before
    )
    here = f"/feeds/{feed['id']}/versions"
    browser = await dashboard.browser("write")
    assert "It was always read like this" == (await browser.page(here)).text_of(".empty h2")
    changed = {"mapping": {**before, "name": "title"}, "decimalNotation": "comma"}
    await api.ok("PUT", f"/api/inventory-feeds/{feed['id']}.json", changed)
    await api.ok("PUT", f"/api/inventory-feeds/{feed['id']}.json", {"allocationBuffer": 3})  # no matter of reading

    page = await browser.page(here)
    (told,) = page.texts("td.wild")
    assert "decimalNotation decimal \N{RIGHTWARDS ARROW} comma" in told
    assert "\N{RIGHTWARDS ARROW} title" in told
    assert ["decimalNotation", "name"] == page.texts("td.wild code")
    assert ["test (token 1)"] == page.texts("td[data-label='Replaced by']")
    assert "pass" not in page.text_of("main")
    (form,) = [form for form in page.tree.forms if str(form.get("action")).endswith("/restore")]
    stale = {**dict(form.fields), "key": "another", "version": '"stale"'}
    late = await browser.post(form.get("action"), stale)
    assert (412, "Somebody was faster") == (late.status, late.text_of("h1"))
    assert "Nothing was changed." in late.text_of("[role=alert]")
    restored = await browser.post(form.get("action"), dict(form.fields))
    assert "It is put back; the next run reads by it." == restored.text_of(".toast span")
    stored = await api.ok("GET", f"/api/inventory-feeds/{feed['id']}.json")
    assert (feed["mapping"], "decimal", 3) == (stored["mapping"], stored["decimalNotation"], stored["allocationBuffer"])
    assert 2 == len(restored.texts("td[data-label='Replaced by']"))
    viewer = await dashboard.browser("read")
    assert [] == (await viewer.page(here)).texts("main button")
