"""Which feeds' mappings fit another file."""

from ingest.pages.alike import alike, fitting, vendors_of


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


def test_a_mapping_of_the_same_vendor_is_offered_when_half_of_its_columns_are_there_after_those_that_fit():
    half = feed(1, externalId="sku", inventoryQuantity="stock", name="title", retailPrice="price")
    known = [
        half | {"dropshipProviderId": 7},
        half | {"id": 2, "dropshipProviderId": 8},
        feed(3, externalId="sku", inventoryQuantity="stock") | {"dropshipProviderId": 8},
        feed(4, externalId="sku", inventoryQuantity="qty", name="title") | {"dropshipProviderId": 7},
    ]
    found = alike(known, ["sku", "stock"], {7})

    assert [(3, 2, 2, False), (1, 2, 4, True)] == [
        (one.feed_id, one.there, one.columns, one.same_vendor) for one in found
    ]


def test_an_address_is_of_the_vendor_that_others_of_its_server_are_of():
    feeds = [
        {"dropshipProviderId": 7, "resourceLocation": "https://user:***@acme.example/stock.csv"},
        {"dropshipProviderId": 8, "resourceLocation": "ftp://beta.example/a"},
        {"dropshipProviderId": 9, "resourceLocation": None},
    ]

    assert {7} == vendors_of(feeds, "https://acme.example/prices.csv")
    assert set() == vendors_of(feeds, "sample")


def test_what_columns_are_not_enough_for_is_left_out_of_a_mapping():
    mapping = {"externalId": "sku", "name": {"path": ["title", "label"]}, "vendorName": {"constant": "Acme"}}

    assert ({"externalId": "sku", "vendorName": {"constant": "Acme"}}, ["name"]) == fitting(mapping, ["sku", "title"])
