"""The quick way through a post takes nothing that the long way refuses, and makes the same of it."""

import itertools

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.edge.body import decode
from ingest.edge.quick import Quick
from schemas.attributes import INT32_MAX
from schemas.items import ATTRIBUTES
from schemas.tables import Table
from schemas.validation import validate

QUICK = Quick()
SENDERS = itertools.count(1)

NUMBERS = [
    "0",
    "-0",
    "-0.0",
    "12",
    "12.0",
    "12.5",
    "1e2",
    "1E-7",
    "1e400",
    str(INT32_MAX),
    str(INT32_MAX + 1),
    "9" * 30,
]
TEXTS = ["", "a", "ü", "a\\/b", "a\\u0000b", "\\ud800", "\\n", "x" * 255, "x" * 256, "x" * 2_049, "x" * 65_536]
WORDS = ["12", " 12 ", "-0", "0.50", "1,5", "+1.50", ".5", "999999999.999999", "1000000000", "track", "none", "9" * 101]
JSON = [
    "[]",
    "{}",
    '["a"]',
    '[["\\u0000"]]',
    "[1e400]",
    "[" + "9" * 30 + ",1e16,1E-7]",
    "[" * 20 + "]" * 20,
    "[" + "1," * 250 + "1]",
    '{"a":' * 1_000,
]
VALUES = ["null", "true", *NUMBERS, *(f'"{text}"' for text in (*TEXTS, *WORDS)), *JSON, '"\x00"', '"\udcff"', ""]
NAMES = [*ATTRIBUTES, "unknown", "retail\\u0050rice", "externalId"]
PAIRS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=4)


def the_long_way(body):
    return validate(decode(body))


def agree(body):
    """Compare the two ways: for a new sender, for the same once more, and for one that has sent all kinds of things."""
    new = next(SENDERS)
    first, second, third = (QUICK.items(body, sender) for sender in (new, new, 0))
    assert first == second == third
    same(body, first)


def same(body, quick):
    if quick is not None:
        valid = the_long_way(body)
        assert ([], []) == (valid.rejects, valid.warnings)
        assert valid.items == read(quick)
        assert len(valid.items) == quick.number
        for left, right in zip(valid.items, read(quick), strict=True):
            assert {name: type(value) for name, value in left.items()} == {
                name: type(value) for name, value in right.items()
            }


def read(quick):
    return list(Table(orjson.loads(quick.columns), quick.absent))


def body_of(pairs_of_items):
    written = ("{" + ",".join(f'"{name}":{value}' for name, value in pairs) + "}" for pairs in pairs_of_items)
    return ("[" + ",".join(written) + "]").encode("utf-8", "surrogateescape")


@given(items=st.lists(PAIRS.map(lambda pairs: [("externalId", '"1"'), *pairs]), min_size=1, max_size=3))
def test_what_the_quick_way_takes_the_long_way_makes_the_same_of(items):
    agree(body_of(items))


@pytest.mark.parametrize("name", NAMES)
def test_each_value_of_each_attribute_reads_the_same_both_ways(name):
    for value in VALUES:
        agree(body_of([[("externalId", '"1"'), (name, value)]]))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b"[null]",
        b"[{}]",
        b'{"externalId":"1"}',
        b'\xef\xbb\xbf[{"externalId":"1"}]',
        b'[{"externalId":"1"}] x',
        b'[{"externalId":"1","colour":"red"}]',
        b'[{"externalId":"1","inventoryQuantity":"12"}]',
        orjson.dumps([{"externalId": "1"}] * 51),
    ],
)
def test_what_needs_a_closer_look_takes_the_long_way(body):
    assert QUICK.items(body) is None


def test_an_ordinary_post_takes_the_quick_way_and_is_made_canonical():
    items = [{"externalId": "1", "vendorSku": None, "inventoryQuantity": 5, "retailPrice": 12.50, "grams": "5.0"}] * 50

    quick = QUICK.items(orjson.dumps(items))

    assert 50 == quick.number
    assert validate(items).items == read(quick)


def test_no_column_is_sent_of_what_no_item_has_whatever_else_its_sender_has_sent():
    alike = [
        {"externalId": "1", "retailPrice": 12.5, "name": "a: b"},
        {"externalId": "2", "retailPrice": None, "name": ""},
    ]
    others = [{"externalId": "1", "inventoryQuantity": 5}, {"externalId": "2", "metaFields": {"a": [":"]}}]
    sender = next(SENDERS)
    for _ in range(2):
        of_alike, of_others = (QUICK.items(orjson.dumps(items), sender) for items in (alike, others))

        assert {"externalId": ["1", "2"], "retailPrice": ["12.5", None], "name": ["a: b", ""]} == orjson.loads(
            of_alike.columns
        )
        assert {"inventoryQuantity": [1], "metaFields": [0]} == of_others.absent
        assert others == read(of_others)


@given(
    bodies=st.lists(
        st.lists(PAIRS.map(lambda pairs: [("externalId", '"1"'), *pairs]), min_size=1, max_size=2), max_size=4
    )
)
def test_what_was_seen_of_a_sender_decides_nothing_but_the_pace(bodies):
    sender = next(SENDERS)
    for body in map(body_of, bodies):
        assert QUICK.items(body, next(SENDERS)) == QUICK.items(body, sender)


def test_a_sender_that_sends_the_same_attributes_is_not_decoded_by_all(monkeypatch):
    quick, sender = Quick(), next(SENDERS)
    few = orjson.dumps([{"externalId": "1", "retailPrice": 1.5}, {"externalId": "2"}])
    assert 2 == quick.items(few, sender).number
    monkeypatch.setattr(quick, "_whole", None)

    assert 2 == quick.items(few, sender).number
    assert 1 == quick.items(b'[{"externalId":"3"}]', sender).number
