"""The quick check of whole columns takes nothing that the types refuse, and makes the same of what it takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.attributes import INT32_MAX
from schemas.columns import canonical
from schemas.items import ATTRIBUTES, COLUMNS
from schemas.validation import _validate_each, validate

NUMBERS = [
    0,
    -0.0,
    1,
    -1,
    12.0,
    12.5,
    0.1,
    1e22,
    1e-7,
    INT32_MAX,
    INT32_MAX + 1,
    -INT32_MAX - 1,
    -INT32_MAX - 2,
    10**20,
]
TEXTS = [
    *("", "a", "ü", "a\0b", "\ud800", "x" * 255, "x" * 256, "x" * 2_048, "x" * 2_049, "x" * 65_535, "x" * 65_536),
    *(
        "12",
        " 12 ",
        "12.0",
        "-0",
        "0.50",
        "1,5",
        "5+",
        "1e3",
        "999999999.999999",
        "1000000000",
        "0.1234567",
        "+1.50",
        ".5",
    ),
    *("track", "deny", "none", "manual", "9" * 101),
]
JSON = [
    [],
    {},
    ["a"],
    [["\0"]],
    {"a\0": 1},
    [float("inf")],
    ["a"] * 250,
    ["a"] * 251,
    [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]],
]
ANY = st.one_of(st.none(), st.booleans(), st.sampled_from(NUMBERS), st.sampled_from(TEXTS), st.sampled_from(JSON))
ANY |= st.floats() | st.integers() | st.text(max_size=5) | st.decimals(allow_nan=False).map(str)
NAMES = st.sampled_from([*ATTRIBUTES, "unknown", "id"])
ITEMS = st.lists(
    st.one_of(
        st.dictionaries(NAMES, ANY, max_size=6),
        st.dictionaries(NAMES, ANY, max_size=3).map(lambda item: {"externalId": "1", **item}),
    ),
    min_size=1,
    max_size=4,
)


@given(raw=ITEMS)
def test_what_the_quick_check_takes_the_types_take_and_make_the_same_of(raw):
    quick = canonical(raw, COLUMNS, "externalId")

    if quick is not None:
        slow = _validate_each(raw)
        assert ([], slow.items) == (slow.rejects, quick)


@pytest.mark.parametrize("name", [name for name in ATTRIBUTES if name != "externalId"])
def test_each_value_of_each_attribute_reads_the_same_quickly_or_not(name):
    for value in (*NUMBERS, *TEXTS, *JSON, True, None):
        raw = [{"externalId": "1", name: value}]
        slow, quick = _validate_each(raw), canonical(raw, COLUMNS, "externalId")

        assert quick in (None, slow.items)
        assert quick is None or not slow.rejects


RIGHT = [
    {"externalId": "1", "inventoryQuantity": 5, "retailPrice": "12.50", "name": "ü", "tags": ["a"], "vendorSku": None},
    {"externalId": "2", "inventoryQuantity": "7", "retailPrice": 3, "inventoryPolicy": "deny", "metaFields": {"a": 1}},
]


def test_items_that_are_plainly_right_need_no_closer_look_whatever_their_attributes():
    assert _validate_each(RIGHT).items == canonical(RIGHT, COLUMNS, "externalId")


def test_nothing_of_what_was_sent_is_changed():
    raw = [dict(item) for item in RIGHT]

    validate(raw)

    assert RIGHT == raw


def test_an_unknown_attribute_is_left_out_and_warned_of_without_a_closer_look():
    result = validate([{"externalId": "1", "colour": "red"}, {"externalId": "2"}])

    assert [{"externalId": "1"}, {"externalId": "2"}] == result.items
    assert [(0, "colour")] == [(warning["index"], warning["field"]) for warning in result.warnings]
