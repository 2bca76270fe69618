"""The preview shows what the run would apply: the same items, rejects and report, of every file that we have."""

import io
from pathlib import Path

import pytest

from ingest.feeds.mapping import FormatSettings
from ingest.pull.parse import FormatError, parse
from ingest.pull.parse.beginning import MAX_RECORDS, MAX_REJECTS, look

FEEDS = Path(__file__).parents[3] / "fixtures" / "feeds"
STOCK = {"externalId": "sku", "inventoryQuantity": "qty"}
PRICED = {**STOCK, "retailPrice": "price"}
MOST_ITEMS = 250
PRODUCTS = {"itemPath": "/products/product", "mapping": {**STOCK, "name": "name"}}
FORMS = {
    "excel_formula_text.csv": {"mapping": {**STOCK, "barcode": "ean"}},
    "duplicate_header.csv": {"mapping": {"externalId": "sku", "inventoryQuantity": "stock"}},
    "grouped_numbers.csv": {"mapping": PRICED},
    "grouped_numbers_comma.csv": {"mapping": PRICED, "decimalNotation": "comma"},
    "prices_on_request.csv": {"mapping": PRICED},
    "prices_all_there.csv": {"mapping": PRICED},
    "warehouses.csv": {"mapping": STOCK, "duplicates": "sum"},
    "backslash_quotes.csv": {"mapping": {"externalId": "sku", "name": "name", "retailPrice": {"constant": "1"}}},
    "utf16_bom.tsv": {},
    "semicolon_windows1252.csv": {"mapping": {"externalId": "artikelnummer", "name": "Bezeichnung"}},
    "shopify_products.csv": {"mapping": {"externalId": "Variant SKU", "inventoryQuantity": "Variant Inventory Qty"}},
    "woocommerce_products.csv": {"mapping": {"externalId": "SKU", "inventoryQuantity": "Stock"}},
    "nested_variants.json": {"mapping": {"externalId": "sku"}, "itemPath": "data.products[*].variants[*]"},
    "json_two_arrays.json": {},
    "yml_catalog.xml": {
        "itemPath": "/yml_catalog/shop/offers/offer",
        "mapping": {"externalId": "@id", "retailPrice": "price"},
    },
    "google_merchant.xml": {
        "itemPath": "//item",
        "namespaces": {"g": "http://base.google.com/ns/1.0"},
        "mapping": {"externalId": "g:id", "name": "g:title", "retailPrice": "g:price"},
    },
    "xml_sizes.xml": {
        "itemPath": "/products/product/sizes/size",
        "mapping": {"externalId": "concat(../../sku,'-',@code)", "inventoryQuantity": "qty"},
    },
    "xml_bare_ampersand.xml": PRODUCTS,
    "xml_space_first.xml": PRODUCTS,
    "xml_undefined_entity.xml": PRODUCTS,
}
REFUSED = {"duplicate_header.csv"}
"""Files that cannot be read as they are."""
KINDS = {".csv": "ftpCsv", ".tsv": "ftpCsv", ".xml": "xml", ".json": "api"}


@pytest.mark.parametrize("path", sorted(FEEDS.iterdir()), ids=lambda path: path.name)
def test_the_preview_shows_what_the_run_would_apply(path):
    given = FORMS.get(path.name, {"mapping": STOCK})
    form = FormatSettings.model_validate({"resourceType": KINDS[path.suffix], **given})
    data = path.read_bytes()
    looked = look(lambda: io.BytesIO(data), form, None, MOST_ITEMS)
    parsing = parse(io.BytesIO(data), form)
    try:
        chunks, error = list(parsing), None
    except FormatError as refused:
        chunks, error = [], str(refused)
    items = [pair for chunk in chunks for pair in zip(chunk.rows, chunk.items, strict=True)]
    rejects = [reject.as_json() for chunk in chunks for reject in chunk.rejects]

    assert error == looked.error
    assert items[:MOST_ITEMS] == looked.items
    assert rejects[:MAX_REJECTS] == looked.rejects
    if parsing.report.rows_read <= MAX_RECORDS:
        assert parsing.report.as_json() == looked.report.as_json()
    assert (path.name in REFUSED) == (error is not None)
    assert items or path.name in REFUSED  # else nothing was compared
