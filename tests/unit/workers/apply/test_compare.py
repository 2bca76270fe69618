"""What an item would change: hot attributes against their columns, details against the stored object."""

import uuid
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.batches import Batch, Source
from schemas.comparison import changes_of, details_over
from schemas.items import ATTRIBUTES
from workers.apply.compare import attributes_of, hashes, initial
from workers.apply.work import Entry, Feed, Work

WORK = Work(Batch(uuid.uuid4(), 1, 1, 0, Source.WEBHOOK, []), Feed(1, 1, None, ZoneInfo("UTC")), date(2026, 1, 1))
ITEMS = st.dictionaries(st.sampled_from(ATTRIBUTES[1:]), st.sampled_from([None, 1, "1", "x", [], ["x"]]), max_size=4)


def entry(**item):
    return Entry(WORK, 0, "a", {"externalId": "a", **item})


@given(ITEMS, ITEMS)
def test_items_have_the_same_hash_just_when_they_are_the_same_whatever_their_order(left, right):
    turned = dict(reversed(({"externalId": "a"} | left).items()))

    assert hashes({"externalId": "a"} | left) == hashes(turned)
    assert (hashes({"externalId": "a"} | left)[0] == hashes({"externalId": "a"} | right)[0]) == (left == right)


@given(ITEMS)
def test_hashes_fit_a_bigint_and_the_second_is_of_the_details_alone(item):
    whole, details = hashes({"externalId": "a"} | item)

    assert -(2**63) <= whole < 2**63
    assert details == hashes({"externalId": "b", "vendorSku": "other"} | {**item, "vendorSku": "x"})[1]
    assert (details == 0) == (not attributes_of([entry(**item)])[1])


def test_the_attributes_of_a_window_are_those_that_any_item_has():
    entries = [entry(inventoryQuantity=1), entry(vendorSku="x"), entry(name="n")]

    assert (("vendorSku", "inventoryQuantity"), True) == attributes_of(entries)
    assert (("vendorSku",), False) == attributes_of([entry(vendorSku=None)])


def test_only_what_differs_is_a_change_and_what_is_omitted_is_kept():
    changes = changes_of(
        {"externalId": "a", "inventoryQuantity": 6, "retailPrice": "9.5"},
        {"vendorSku": "sku", "inventoryQuantity": 5, "retailPrice": "9.5"},
        ("vendorSku", "inventoryQuantity", "retailPrice"),
    )

    assert {"inventoryQuantity": 6} == changes


@pytest.mark.parametrize(
    ("name", "held", "sent", "changes"),
    [
        ("vendorSku", "sku", None, {"vendorSku": None}),
        ("vendorSku", None, None, {}),
        ("inventoryPolicy", "deny", None, {"inventoryPolicy": "track"}),
        ("inventoryPolicy", "track", None, {}),
        ("inventoryQuantityOverride", "manual", None, {"inventoryQuantityOverride": "none"}),
        ("inventoryQuantity", None, 0, {"inventoryQuantity": 0}),
    ],
)
def test_an_explicit_null_clears_to_what_null_means(name, held, sent, changes):
    assert changes == changes_of({"externalId": "a", name: sent}, {name: held}, (name,))


def test_a_new_row_gets_every_attribute_of_the_window():
    values = initial({"externalId": "a", "vendorSku": "x"}, ("vendorSku", "inventoryQuantity", "inventoryPolicy"))

    assert {"vendorSku": "x", "inventoryQuantity": None, "inventoryPolicy": "track"} == values


@pytest.mark.parametrize(
    ("sent", "held", "details"),
    [
        ({"name": "a"}, {"name": "a", "mpn": "m"}, None),
        ({"name": "b"}, {"name": "a", "mpn": "m"}, {"name": "b", "mpn": "m"}),
        ({"name": None}, {"name": "a", "mpn": "m"}, {"mpn": "m"}),
        ({"name": None, "tags": None, "grams": None}, {}, None),
        ({"tags": [], "grams": "0"}, {}, None),
        ({"tags": []}, {"tags": ["x"]}, {}),
        ({"metaFields": {"a": 1}}, {"metaFields": {"a": True}}, {"metaFields": {"a": 1}}),
        ({"metaFields": {"a": 1, "b": 2}}, {"metaFields": {"b": 2, "a": 1}}, None),
    ],
)
def test_details_are_merged_over_what_is_stored_and_null_is_absent(sent, held, details):
    assert details == details_over(held, {"externalId": "a", "vendorSku": "x", **sent})
