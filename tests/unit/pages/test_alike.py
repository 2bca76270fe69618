"""Which feeds' mappings fit another file."""

from ingest.pages.alike import alike


def feed(number, **mapping):
    return {"id": number, "name": f"feed {number}", "mapping": mapping}


def test_a_mapping_is_offered_when_all_its_columns_are_there_the_fullest_first():
    feeds = [
        feed(1, externalId="sku", inventoryQuantity="stock"),
        feed(2, externalId="sku", inventoryQuantity={"path": "stock"}, name="title", vendorName={"constant": "Acme"}),
        feed(3, externalId="sku", inventoryQuantity="qty"),
        feed(4, externalId="sku"),
        feed(5),
        {"id": 6, "name": "pushed", "mapping": None},
    ]
    assert [(2, 3), (1, 2)] == [(one.feed_id, one.columns) for one in alike(feeds, ["sku", "stock", "title", "ean"])]
    assert [] == alike(feeds, ["title"])
