"""What an item would change: hot attributes against their columns, details against the stored object."""

import uuid
from datetime import date
from zoneinfo import ZoneInfo

import pytest

from schemas.batches import Batch, Source
from workers.apply.compare import attributes_of, compare_details, compare_hot, content_hash
from workers.apply.work import Entry, Feed, Work

WORK = Work(Batch(uuid.uuid4(), 1, 1, 0, Source.WEBHOOK, []), Feed(1, 1, None, ZoneInfo("UTC")), date(2026, 1, 1))


def entry(row=None, **item):
    made = Entry(WORK, 0, "a", {"externalId": "a", **item})
    made.row = row
    return made


def stored(*values):
    return (1, 7, (0, 1), 0, 0, *values)


def test_the_hash_does_not_depend_on_the_order_and_fits_a_bigint():
    assert content_hash({"a": 1, "b": 2}) == content_hash({"b": 2, "a": 1})
    assert all(-(2**63) <= content_hash({"n": number}) < 2**63 for number in range(100))
    assert any(content_hash({"n": number}) < 0 for number in range(100))


def test_the_attributes_of_a_window_are_those_that_any_item_has():
    entries = [entry(inventoryQuantity=1), entry(vendorSku="x"), entry(name="n")]

    assert (("vendorSku", "inventoryQuantity"), True) == attributes_of(entries)
    assert (("vendorSku",), False) == attributes_of([entry(vendorSku=None)])


def test_only_what_differs_is_a_change_and_what_is_omitted_is_kept():
    changed = entry(stored("sku", 5, "9.5"), inventoryQuantity=6, retailPrice="9.5")

    compare_hot(changed, ("vendorSku", "inventoryQuantity", "retailPrice"))

    assert {"inventoryQuantity": 6} == changed.changes


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
    cleared = entry(stored(held), **{name: sent})

    compare_hot(cleared, (name,))

    assert changes == cleared.changes


def test_a_new_row_gets_every_attribute_of_the_window():
    new = entry(vendorSku="x")

    compare_hot(new, ("vendorSku", "inventoryQuantity", "inventoryPolicy"))

    assert {"vendorSku": "x", "inventoryQuantity": None, "inventoryPolicy": "track"} == new.changes


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
    detailed = entry()

    compare_details(detailed, sent, held)

    assert details == detailed.details
