"""The preview: what a file would give, and that nothing is written by it."""

import gzip

import pytest
from aiohttp import FormData

from ingest.pull.parse.process import files
from ingest.pull.parse.process.job import Budget
from tests.integration.pull.files import csv_of


@pytest.fixture
def settings(settings, tmp_path):
    return settings.model_copy(update={"pull_allow_networks": ("127.0.0.0/8",), "pull_folder": str(tmp_path)})


async def preview(api, feed, query="", **options):
    response = await api.call("POST", f"/api/inventory-feeds/{feed['id']}/preview.json{query}", **options)
    assert 200 == response.status, await response.text()
    return await response.json()


def store(api, feed, external_id, quantity):
    api.execute(
        "INSERT INTO feed_variants (account_id, feed_id, item_hash, details_hash, created_at, updated_at,"
        " external_id, inventory_quantity, cost_price) VALUES (%s, %s, 0, 0, now(), now(), %s, %s, 12.5)",
        api.account_id,
        feed["id"],
        external_id,
        quantity,
    )


async def test_a_preview_fetches_and_shows_items_rejects_columns_and_changes(api, vendor, tmp_path):
    vendor.files["stock.csv"] = (
        "externalId;Stock;Cost;Colour\nA;5;12,50;red\nB;7;12,50;blue\nC;many;1;red\nD;1;\u20ac 3;red\n".encode("cp1252")
    )
    feed = await api.new_feed(
        resourceType="ftpCsv",
        resourceLocation=vendor.url("stock.csv"),
        decimalNotation="comma",
        mapping={"externalId": "externalId", "inventoryQuantity": "Stock", "costPrice": "Cost"},
    )
    store(api, feed, "A", 5)
    store(api, feed, "B", 6)

    shown = await preview(api, feed)

    assert (";", True, 4, 3, 1, 1) == tuple(
        shown[name] for name in ("delimiter", "complete", "rowsRead", "rowsMapped", "rowsRejected", "attributesSkipped")
    )
    assert shown["encoding"] in ("windows-1252", "cp1252")
    assert [("A", "unchanged", []), ("B", "updated", [{"field": "inventoryQuantity", "stored": 6, "new": 7}])] == [
        (entry["item"]["externalId"], entry["outcome"], entry["changes"]) for entry in shown["items"][:2]
    ]
    assert {"externalId": "D", "inventoryQuantity": 1} == shown["items"][2]["item"]
    told = ("row", "externalId", "field", "column", "value", "skipped")
    assert [(4, "C", "inventoryQuantity", "Stock", "many", False), (5, "D", "costPrice", "Cost", "\u20ac 3", True)] == [
        tuple(reject[name] for name in told) for reject in shown["rejects"]
    ]
    columns = {column["name"]: column for column in shown["columns"]}
    assert ["red", "blue"] == columns["Colour"]["samples"]
    assert "s3cret" not in str(shown)
    assert [] == list(tmp_path.iterdir())


async def test_a_preview_writes_nothing(api, vendor, database):
    vendor.files["stock.csv"] = csv_of({"A": 1, "B": 2})
    feed = await api.new_feed(resourceType="ftpCsv", resourceLocation=vendor.url("stock.csv"))

    shown = await preview(api, feed, "?limit=1")

    assert (1, {"created": 1}) == (len(shown["items"]), shown["counts"])
    for table in ("runs", "run_rejects", "pull_feeds", "feed_variants", "deferred_items", "receipts"):
        assert 0 == api.execute(f"SELECT count(*) FROM {table}")


@pytest.mark.parametrize("kind", ["raw", "gzip", "form", "json"])
async def test_a_sample_is_looked_at_instead_of_the_file(api, vendor, kind):
    sample = csv_of({"A": 1}).encode()
    form = FormData()
    form.add_field("file", sample, filename="stock.csv", content_type="text/csv")
    options = {
        "raw": {"data": sample, "headers": {"Content-Type": "text/csv"}},
        "gzip": {"data": gzip.compress(sample), "headers": {"Content-Type": "application/gzip"}},
        "form": {"data": form},
        "json": {"json": {"sample": sample.decode()}},
    }[kind]
    feed = await api.new_feed(resourceType="ftpCsv", resourceLocation=vendor.url("stock.csv"))

    shown = await preview(api, feed, **options)

    assert [{"externalId": "A", "inventoryQuantity": 1}] == [entry["item"] for entry in shown["items"]]
    assert ("sample", []) == (shown["source"], vendor.asked)


async def test_a_file_that_cannot_be_read_still_shows_its_columns(api, vendor):
    vendor.files["stock.csv"] = "SKU,Qty\nA,1\n"
    feed = await api.new_feed(
        resourceType="ftpCsv",
        resourceLocation=vendor.url("stock.csv"),
        mapping={"externalId": "Article", "inventoryQuantity": "Qty"},
    )

    shown = await preview(api, feed)

    assert "Article" in shown["error"]
    assert {"SKU": ["A"], "Qty": ["1"]} == {column["name"]: column["samples"] for column in shown["columns"]}


async def test_xml_shows_its_paths(api, vendor):
    vendor.files["stock.xml"] = (
        '<rss xmlns:g="http://base.google.com/ns/1.0"><channel><item id="7"><g:id>A</g:id><g:quantity>3</g:quantity>'
        "<stock><here>2</here></stock></item></channel></rss>"
    )
    feed = await api.new_feed(
        resourceType="xml",
        resourceLocation=vendor.url("stock.xml"),
        itemPath="//item",
        namespaces={"g": "http://base.google.com/ns/1.0"},
        mapping={"externalId": "g:id", "inventoryQuantity": "g:quantity"},
    )

    shown = await preview(api, feed)

    assert [{"externalId": "A", "inventoryQuantity": 3}] == [entry["item"] for entry in shown["items"]]
    found = {column["name"]: column["samples"] for column in shown["columns"]}
    assert {"@id": ["7"], "g:id": ["A"], "g:quantity": ["3"], "stock/here": ["2"]}.items() <= found.items()


async def test_a_vendor_that_refuses_or_is_away_is_told_apart(api, vendor):
    vendor.files.update({"gone.csv": 404, "broken.csv": 500})
    gone = await api.new_feed(resourceType="ftpCsv", resourceLocation=vendor.url("gone.csv"))
    broken = await api.new_feed(resourceType="ftpCsv", resourceLocation=vendor.url("broken.csv"))
    pushed = await api.new_feed()

    async def title(status, feed):
        return (await api.problem(status, "POST", f"/api/inventory-feeds/{feed['id']}/preview.json"))["title"]

    assert "api.inventory_feeds.preview.not_found" == await title(422, gone)
    assert "api.inventory_feeds.preview.server_error" == await title(502, broken)
    assert "api.inventory_feeds.preview.not_pulled" == await title(409, pushed)


async def test_another_account_has_no_preview(api, vendor):
    feed = await api.new_feed(resourceType="ftpCsv", resourceLocation=vendor.url("stock.csv"))

    await api.problem(404, "POST", f"/api/inventory-feeds/{feed['id']}/preview.json", token=api.other_token)

    assert [] == vendor.asked


async def test_json_shows_its_paths_and_needs_no_mapping_in_the_default_shape(api, vendor):
    vendor.files["stock.json"] = (
        '{"meta": {"page": 1}, "items": [{"externalId": "A", "inventoryQuantity": 3, "extra": {"depth": [7]}}]}'
    )
    feed = await api.new_feed(resourceType="api", resourceLocation=vendor.url("stock.json"))

    shown = await preview(api, feed)

    assert [{"externalId": "A", "inventoryQuantity": 3}] == [entry["item"] for entry in shown["items"]]
    found = {column["name"]: column["samples"] for column in shown["columns"]}
    assert {"externalId": ["A"], "inventoryQuantity": [3], "extra.depth[0]": [7]}.items() <= found.items()


async def test_a_wrong_item_path_is_told_with_the_paths_that_there_are(api, vendor):
    vendor.files["stock.xml"] = "<shop><goods><good><sku>A</sku></good><good><sku>B</sku></good></goods></shop>"
    feed = await api.new_feed(
        resourceType="xml",
        resourceLocation=vendor.url("stock.xml"),
        itemPath="/products/product",
        mapping={"externalId": "sku"},
    )

    shown = await preview(api, feed)

    assert [] == shown["items"]
    assert "no element is /products/product: found /shop, /shop/goods, /shop/goods/good (2 times)" in shown["error"]


async def test_a_preview_of_a_file_that_takes_too_long_ends_with_an_error_and_the_next_one_works(
    api, vendor, monkeypatch
):
    monkeypatch.setattr(files, "LOOK_BUDGET", Budget(cpu_s=1.0, cpu_s_per_mib=0.0))
    feed = await api.new_feed(
        resourceType="xml",
        resourceLocation=vendor.url("stock.xml"),
        itemPath="/items/item",
        mapping={"externalId": "a[following-sibling::a = 'x']", "name": "id"},
    )
    vendor.files["stock.xml"] = "<items><item>" + "<a/>" * 400_000 + "</item></items>"

    problem = await api.problem(422, "POST", f"/api/inventory-feeds/{feed['id']}/preview.json")

    assert "more CPU time than is allowed" in problem["detail"]
    vendor.files["stock.xml"] = "<items><item><a/><a>x</a></item></items>"
    assert 1 == (await preview(api, feed))["rowsRead"]
