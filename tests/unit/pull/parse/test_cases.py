"""Files as suppliers send them, each with the values that are right."""

import io
from pathlib import Path

from ingest.feeds.mapping import FormatSettings
from ingest.pull.parse import parse

FEEDS = Path(__file__).parents[3] / "fixtures" / "feeds"


def read(name, **more):
    form = FormatSettings.model_validate({"resourceType": "ftpCsv", **more})
    parsing = parse(io.BytesIO((FEEDS / name).read_bytes()), form)
    chunks = list(parsing)
    items = {item["externalId"]: item for chunk in chunks for item in chunk.items}
    return items, [reject for chunk in chunks for reject in chunk.rejects]


def test_leading_zeros_protected_by_a_formula():
    mapping = {"externalId": "sku", "barcode": "ean", "inventoryQuantity": "qty"}
    items, rejects = read("excel_formula_text.csv", mapping=mapping)

    assert ({"externalId": "00123", "barcode": "04006381333931", "inventoryQuantity": 5}, []) == (
        items["00123"],
        rejects,
    )


def test_grouped_numbers_with_a_decimal_point():
    mapping = {"externalId": "sku", "inventoryQuantity": "qty", "retailPrice": "price", "grams": "weight"}
    items, rejects = read("grouped_numbers.csv", mapping=mapping)

    assert {"A1": 1234, "A2": 12500, "A3": 12500, "A4": 3, "A5": 4, "A6": 5} == {
        key: item["inventoryQuantity"] for key, item in items.items()
    }
    assert [("A4", "retailPrice"), ("A5", "retailPrice"), ("A6", "grams"), ("A7", "inventoryQuantity")] == [
        (reject.external_id, reject.field) for reject in rejects
    ]
    assert {"notation"} == {reject.code for reject in rejects}
    assert "retailPrice" not in items["A4"]


def test_grouped_numbers_with_a_decimal_comma():
    mapping = {"externalId": "sku", "inventoryQuantity": "qty", "retailPrice": "price"}
    items, rejects = read("grouped_numbers_comma.csv", mapping=mapping, decimalNotation="comma")

    assert {"externalId": "B2", "inventoryQuantity": 1250, "retailPrice": "1.5"} == items["B2"]
    assert {"externalId": "B3", "inventoryQuantity": 2, "retailPrice": "0.125"} == items["B3"]
    assert [("B1", "retailPrice", "notation", True)] == [(r.external_id, r.field, r.code, r.skipped) for r in rejects]


def test_quantities_in_words_without_and_with_the_transform():
    mapping = {"externalId": "sku", "inventoryQuantity": "qty"}
    items, rejects = read("quantities.csv", mapping=mapping)

    assert {"A6": 12} == {key: item["inventoryQuantity"] for key, item in items.items()}
    assert all("textToQuantity" in reject.message for reject in rejects if reject.external_id != "A7")

    transform = {"path": "qty", "transforms": [{"name": "textToQuantity", "words": {"in stock": 10}}]}
    items, rejects = read("quantities.csv", mapping=mapping | {"inventoryQuantity": transform})

    assert {"A1": 10, "A2": 10, "A3": 10, "A4": 10, "A5": 0, "A6": 12, "A9": 10, "B1": 10} == {
        key: item["inventoryQuantity"] for key, item in items.items()
    }
    assert ["A7", "A8", "B2", "B3", "B4"] == [reject.external_id for reject in rejects]
