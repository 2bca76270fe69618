"""A vendor's file becomes a feed: dropped, mapped, mended and saved."""

import gzip

CSV = "Artikel;Bezeichnung;Bestand;EK-Preis\nC-1;Lampe;7;10,25\nC-2;<b>Stuhl</b>;soon;1.020,50\n"


async def test_a_dropped_file_becomes_mapped_rows_mended_and_saved(dashboard, api):
    browser = await dashboard.browser("write")
    page = await browser.upload("/feeds/new", {"file": gzip.compress(CSV.encode())})
    assert "New feed" == page.text_of("h1")
    assert "Compression: its first bytes are those of gzip" in page.text_of("#mapping")
    chosen = {s.get("name"): s.value for s in page.tree.cssselect("select[name^=source-]") if s.value}
    assert {"source-externalId": "Artikel", "source-inventoryQuantity": "Bestand", "source-costPrice": "EK-Preis",
            "source-name": "Bezeichnung"} == chosen  # fmt: skip
    assert "2 rows read: 1 mapped, 1 rejected" in page.text_of("#read")
    assert ["soon"] == page.texts(".cell-bad")
    assert "<b>Stuhl</b>" not in page.text  # a vendor's text is shown, never run
    assert "&lt;b&gt;Stuhl&lt;/b&gt;" in page.text

    draft = page.url
    mended = await browser.post(f"{draft}/mend", {"mend": "“soon” means 0"})
    assert "2 rows read: 2 mapped, 0 rejected" in mended.text_of("#read")
    assert ["soon=0"] == [field.get("value") for field in mended.tree.cssselect("input[name=text-inventoryQuantity]")]
    assert "2 rows read: 2 mapped" in (await browser.page(draft)).text_of("#read")

    saved = await browser.post(
        f"{draft}/create",
        {
            "name": "Acme",
            "provider_name": "Acme Ltd",
            "location": "http://vendor.example/x.csv",
            "schedule": "never",
            "guard": "45",
        },
    )
    assert "Acme" == saved.text_of("h1")
    stored = await api.ok("GET", "/api/inventory-feeds.json")
    assert ("ftpCsv", "comma", "never", 0.45) == tuple(
        stored[0][name] for name in ("resourceType", "decimalNotation", "fetchFrequency", "fetchMissingGuard")
    )
    assert {"name": "textToQuantity", "words": {"soon": 0}} in stored[0]["mapping"]["inventoryQuantity"]["transforms"]


async def test_a_mapping_of_a_feed_with_the_same_columns_is_offered_first(dashboard, api):
    mapping = {"externalId": "Artikel", "inventoryQuantity": "Bestand", "handle": "Bezeichnung"}
    await api.new_feed(name="Acme old", resourceType="ftpCsv", resourceLocation="http://v.example/x", mapping=mapping)
    browser = await dashboard.browser("write")
    page = await browser.upload("/feeds/new", {"file": CSV.encode()})
    (form,) = [form for form in page.tree.forms if str(form.get("action")).endswith("/like")]
    read = await browser.post(form.get("action"), dict(form.fields))
    assert "The file is read as Acme old reads its own." == read.text_of(".toast span")
    chosen = {s.get("name"): s.value for s in read.tree.cssselect("select[name^=source-]") if s.value}
    assert {f"source-{name}": column for name, column in mapping.items()} == chosen


async def test_a_feed_can_take_over_the_mapping_of_another_of_its_vendor_and_sees_what_that_changes(dashboard, api):
    source = {"resourceType": "ftpCsv", "resourceLocation": "http://v.example/x"}
    mapping = {"externalId": "Artikel", "inventoryQuantity": "Bestand", "handle": "Bezeichnung", "costPrice": "EK"}
    sibling = await api.new_feed(name="Acme old", mapping=mapping, **source)
    await api.new_feed(name="Stranger", mapping={**mapping, "retailPrice": "UVP"}, **source)
    body = {"name": "Acme new", "dropshipProviderId": sibling["dropshipProviderId"], **source}
    own = {"externalId": "Artikel", "inventoryQuantity": "Bestand"}
    feed = await api.ok("POST", "/api/inventory-feeds.json", {**body, "mapping": own})
    draft = await api.ok("POST", "/api/previews.json", {"feedId": feed["id"], "sample": CSV})
    browser = await dashboard.browser("write")
    page = await browser.page(f"/drafts/{draft['id']}")
    assert ["the same vendor; 3 of its 4 columns are here"] == page.texts("#alike .quiet")
    (form,) = [form for form in page.tree.forms if str(form.get("action")).endswith("/like")]
    read = await browser.post(form.get("action"), dict(form.fields))
    assert read.text_of(".toast span").endswith("What it reads from columns that are not here was left out: costPrice.")
    assert "handle in 1 (" in read.text_of("#result")
    assert [] == read.tree.cssselect("#alike")
    assert feed["mapping"] == (await api.ok("GET", f"/api/inventory-feeds/{feed['id']}.json"))["mapping"]


async def test_an_edit_is_answered_in_place_with_just_the_rows(dashboard):
    browser = await dashboard.browser("write")
    draft = (await browser.upload("/feeds/new", {"file": CSV.encode()})).url
    fields = {"source-externalId": "Artikel", "source-name": "Bezeichnung", "step-name": "upper", "text-name": ""}
    headers = {"Sec-Fetch-Site": "same-origin", "HX-Request": "true"}
    rows = await browser.post(f"{draft}/try", fields, headers)
    assert "LAMPE" in rows.text
    assert "<html" not in rows.text
    whole = await browser.post(f"{draft}/try", {**fields, "do": "drop:name:0"}, headers)
    assert "LAMPE" not in whole.text
    assert [] == whole.tree.cssselect("input[name=step-name]")
    wrong = await browser.post(f"{draft}/try", {"source-name": "Bezeichnung"}, headers)
    assert "externalId is required" in wrong.text_of("[role=alert]")


async def test_what_cannot_be_fetched_is_told_where_the_address_stands(dashboard):
    browser = await dashboard.browser("write")
    page = await browser.post("/feeds/new", {"location": "http://127.0.0.1:9/stock.csv"})
    assert (422, "http://127.0.0.1:9/stock.csv") == (
        page.status, page.tree.cssselect("#field-location")[0].get("value"),
    )  # fmt: skip
    assert "127.0.0.1" in page.text_of("[role=alert]")
