"""Files as shops really export them, read whole: items, rows and rejects."""

from pathlib import Path

from ingest.feeds.mapping import FormatSettings
from ingest.pull.parse import parse

FEEDS = Path(__file__).parents[3] / "fixtures" / "feeds"


def read(name, **feed):
    with (FEEDS / name).open("rb") as file:
        parsing = parse(file, FormatSettings.model_validate(feed))
        chunks = list(parsing)
    items = {row: item for chunk in chunks for row, item in zip(chunk.rows, chunk.items, strict=True)}
    return items, [reject for chunk in chunks for reject in chunk.rejects], parsing.report


def test_a_shopify_product_export():
    items, rejects, report = read(
        "shopify_products.csv",
        resourceType="ftpCsv",
        mapping={
            "externalId": "Variant SKU",
            "vendorSku": "Variant SKU",
            "name": "Title",
            "handle": "Handle",
            "tags": "Tags",
            "grams": "Variant Grams",
            "inventoryQuantity": "Variant Inventory Qty",
            "inventoryPolicy": "Variant Inventory Policy",
            "retailPrice": "Variant Price",
            "compareAtPrice": "Variant Compare At Price",
            "barcode": {"path": "Variant Barcode", "transforms": [{"name": "match", "pattern": "[0-9]+"}]},
            "images": "Image Src",
        },
    )

    assert {
        "externalId": "FF-100-42",
        "vendorSku": "FF-100-42",
        "name": "Trail shoe",
        "handle": "trail-shoe",
        "tags": ["running", "trail", "sale"],
        "grams": "310",
        "inventoryQuantity": 7,
        "inventoryPolicy": "deny",
        "retailPrice": "129.9",
        "compareAtPrice": "149",
        "barcode": "4006381333931",
        "images": ["https://cdn.fleetfoot.example/100.jpg?v=1"],
    } == items[2]
    assert [2, 3, 5] == list(items)
    assert ("continue", -3) == (items[3]["inventoryPolicy"], items[5]["inventoryQuantity"])
    assert [(4, "externalId", "Variant SKU", "required")] == [(r.row, r.field, r.column, r.code) for r in rejects]
    assert "Status" in report.ignored


def test_a_woocommerce_product_export():
    items, rejects, _ = read(
        "woocommerce_products.csv",
        resourceType="ftpCsv",
        mapping={
            "externalId": "ID",
            "vendorSku": "SKU",
            "name": "Name",
            "inventoryQuantity": ["Stock", "In stock?"],
            "retailPrice": {"path": ["Sale price", "Regular price"], "whenEmpty": "clear"},
            "images": "Images",
            "externalGroupId": {"path": "Parent", "transforms": [{"name": "match", "pattern": "id:([0-9]+)"}]},
        },
    )

    assert {
        "externalId": "11",
        "vendorSku": "FF-100",
        "name": "Trail shoe",
        "inventoryQuantity": 1,
        "retailPrice": None,
        "images": ["https://shop.example/a.jpg", "https://shop.example/b.jpg"],
    } == items[2]
    assert ("99.9", 7, "11") == tuple(
        items[3][name] for name in ("retailPrice", "inventoryQuantity", "externalGroupId")
    )
    assert [(5, "retailPrice", "notation", "4,50")] == [(r.row, r.field, r.code, r.value) for r in rejects]


def test_semicolons_windows_1252_and_decimal_commas():
    items, rejects, report = read(
        "semicolon_windows1252.csv",
        resourceType="ftpCsv",
        decimalNotation="comma",
        mapping={
            "externalId": "artikelnummer",
            "name": "Bezeichnung",
            "inventoryQuantity": {"path": "Bestand", "transforms": ["textToQuantity"]},
            "costPrice": "EK-Preis",
            "retailPrice": "VK-Preis",
            "mpn": {
                "path": "Größe",
                "default": "one size",
                "transforms": ["lower", {"name": "prefix", "text": "size "}],
            },
        },
    )

    assert (";", "cp1252") == (report.delimiter, report.encoding)
    assert {
        "externalId": "4711",
        "name": "Stühle „Österreich“ – grün",  # noqa: RUF001
        "inventoryQuantity": 12,
        "costPrice": "1234.5",
        "retailPrice": "2499",
        "mpn": "size m",
    } == items[2]
    assert 5 == items[3]["inventoryQuantity"]
    assert [(4, "currency", "12,00 €"), (5, "notation", "7.5")] == [(r.row, r.code, r.value) for r in rejects]


def test_a_tab_separated_utf16_export():
    items, rejects, report = read("utf16_bom.tsv", resourceType="ftpCsv")

    assert ("\t", "utf-16-le", []) == (report.delimiter, report.encoding, rejects)
    assert {"externalId": "Ж-2", "name": "Стол\u00a0большой", "inventoryQuantity": 1200} == items[3]  # noqa: RUF001


def test_a_catalogue_with_a_doctype_and_its_own_encoding():
    items, rejects, report = read(
        "yml_catalog.xml",
        resourceType="xml",
        itemPath="/yml_catalog/shop/offers/offer",
        mapping={
            "externalId": "@id",
            "name": "name",
            "retailPrice": "price",
            "images": "picture",
            "inventoryQuantity": {
                "path": ["count", "@available"],
                "transforms": [{"name": "textToQuantity", "words": {"true": 1, "false": 0}}],
            },
            "productType": "param[@name='Цвет']",
            "vendorName": "../../name",
        },
    )

    assert ("cp1251", True, []) == (report.encoding, report.complete, rejects)
    assert {
        "externalId": "101",
        "name": "Стул",
        "retailPrice": "1990.5",
        "images": ["https://m.example/1.jpg", "https://m.example/2.jpg"],
        "inventoryQuantity": 5,
        "productType": "белый",
        "vendorName": "Мебель",
    } == items[1]
    assert 0 == items[2]["inventoryQuantity"]
