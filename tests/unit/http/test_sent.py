"""What vendors' programs really send: keys as integers, floats with a tail, one thing for a list."""

from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.http.sent import DIGITS_ARE_KEYS, as_meant, validate_sent
from schemas.items import ATTRIBUTES
from schemas.validation import validate


@pytest.mark.parametrize("name", DIGITS_ARE_KEYS)
def test_an_integer_as_a_key_is_its_digits(name):
    (item,) = validate_sent([{"externalId": "a", name: 1234}]).items

    assert "1234" == item[name]


@pytest.mark.parametrize("value", [True, 12.0, 12.5, [12], {"id": 12}])
def test_what_is_no_integer_is_no_key(value):
    valid = validate_sent([{"externalId": value, "inventoryQuantity": 1}])

    assert ([], ["externalId"]) == (valid.items, [reject.field for reject in valid.rejects])


@pytest.mark.parametrize(
    ("sent", "stored"),
    [(19.990000000000002, "19.99"), (0.1 + 0.2, "0.3"), (12.3456789, "12.345679"), (12.5, "12.5"), (3.0, "3")],
)
@pytest.mark.parametrize("name", ["costPrice", "retailPrice", "compareAtPrice", "grams"])
def test_a_float_is_rounded_to_the_places_that_are_kept(name, sent, stored):
    valid = validate_sent([{"externalId": "a", name: sent}])

    assert ([{"externalId": "a", name: stored}], []) == (valid.items, valid.warnings)


@pytest.mark.parametrize("value", [10.000000000000002, 10.5, "5+"])
def test_a_quantity_stays_strict(value):
    assert ["inventoryQuantity"] == [
        reject.field for reject in validate_sent([{"externalId": "a", "inventoryQuantity": value}]).rejects
    ]


@pytest.mark.parametrize(
    ("name", "sent", "stored"),
    [
        ("tags", "red, oak ,", ["red", "oak"]),
        ("tags", "", []),
        ("images", "https://example.com/1.jpg", ["https://example.com/1.jpg"]),
        ("images", {"src": "x"}, [{"src": "x"}]),
        ("options", {"size": "L"}, [{"size": "L"}]),
    ],
)
def test_one_thing_alone_is_a_list_of_it_and_the_quantity_goes_on(name, sent, stored):
    valid = validate_sent([{"externalId": 7, "inventoryQuantity": 3, name: sent}])

    assert [{"externalId": "7", "inventoryQuantity": 3, name: stored}] == valid.items
    assert [(0, "7", name, "taken")] == [
        (told["index"], told["externalId"], told["field"], told["code"]) for told in valid.warnings
    ]


VALUES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.lists(st.integers(), max_size=2)
)


@given(st.lists(st.dictionaries(st.sampled_from(ATTRIBUTES), VALUES, max_size=6) | VALUES, max_size=4))
def test_whatever_was_right_stays_as_it_is_and_nothing_that_is_sent_is_changed(raw):
    before = deepcopy(raw)
    plain, kind = validate(raw), validate_sent(raw)

    assert repr(before) == repr(raw)
    assert set(plain.indexes) <= set(kind.indexes)
    items = dict(zip(kind.indexes, kind.items, strict=True))
    assert all(
        items[index][name] == value
        for index, item in zip(plain.indexes, plain.items, strict=True)
        for name, value in item.items()
    )
    assert all(as_meant(item) == (item, []) for item in kind.items)
