"""What an item would change: hot attributes against their columns, details against the stored object."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.comparison import changes_of, details_over
from schemas.items import ATTRIBUTES
from schemas.tables import Table, table_of
from workers.apply.compare import hash_all, initial

ITEMS = st.dictionaries(st.sampled_from(ATTRIBUTES[1:]), st.sampled_from([None, 1, "1", "x", [], ["x"]]), max_size=4)


def hashes(item):
    hashed = hash_all([[item]])
    return hashed.items[0], hashed.details[0]


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
    assert (details == 0) == (not hash_all([[{"externalId": "a"} | item]]).with_details)


def test_hashes_are_those_that_rows_hold_since_earlier_releases():
    lean = {"externalId": "A-1", "inventoryQuantity": 5, "retailPrice": "9.90"}
    with_details = {"externalId": "A-1", "inventoryQuantity": 5, "title": "Mug", "tags": ["a", "b"]}

    alone = [hash_all([[lean]]), hash_all([[with_details]])]
    together = hash_all([[lean, with_details], table_of([lean])])

    assert ([-8767159556780113298], [0]) == (alone[0].items, alone[0].details)
    assert ([-777551267923886632], [7764219648804839497]) == (alone[1].items, alone[1].details)
    assert [-8767159556780113298, -777551267923886632, -8767159556780113298] == together.items
    assert [0, 7764219648804839497, 0] == together.details


def test_the_attributes_of_a_window_are_those_that_any_item_has():
    found = hash_all(
        [
            [{"externalId": "a", "inventoryQuantity": 1}, {"externalId": "c", "vendorSku": "x"}],
            Table({"externalId": ["b"], "name": ["n"]}),
        ]
    )

    assert (("vendorSku", "inventoryQuantity"), True) == (found.attributes, found.with_details)
    found = hash_all([[{"externalId": "a", "vendorSku": None}]])
    assert (("vendorSku",), False) == (found.attributes, found.with_details)


@given(st.lists(ITEMS, max_size=5), st.lists(st.integers(0, 5), max_size=3))
def test_an_item_has_the_same_hash_whatever_is_beside_it_and_however_it_came(many, cuts):
    items = [{"externalId": str(number)} | item for number, item in enumerate(many)]
    edges = [0, *sorted(min(cut, len(items)) for cut in cuts), len(items)]
    parts = [items[begin:end] for begin, end in pairwise(edges)]
    parts = [table_of(part) if place % 2 else part for place, part in enumerate(parts)]

    found = hash_all(parts)

    assert list(map(hashes, items)) == list(zip(found.items, found.details, strict=True))


def test_items_that_were_merged_are_hashed_as_they_are_now():
    of_batches = Table({"externalId": ["a", "b"], "inventoryQuantity": [1, 2]})
    merged = {"externalId": "b", "inventoryQuantity": 2, "name": "n"}

    found = hash_all([of_batches], {1: merged})

    assert [hashes(of_batches[0]), hashes(merged)] == list(zip(found.items, found.details, strict=True))
    assert found.with_details


@pytest.mark.parametrize(
    ("item", "hashed"),
    [
        ({"externalId": "a"}, (5807119180968692264, 0)),
        ({"externalId": "a", "name": "n"}, (-751302107714741718, 29381088986439655)),
        (
            {"externalId": "a", "inventoryQuantity": 1, "name": "n", "mpn": None},
            (5774500137708498686, -4498894863529820594),
        ),
    ],
)
def test_a_hash_is_what_it_was_in_every_release_before_for_rows_keep_theirs(item, hashed):
    assert hashed == hashes(item)


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
