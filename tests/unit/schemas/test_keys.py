"""Keys: what stands invisibly at their ends makes no other item, on whatever way in."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.edge.quick import Quick
from schemas.columns import Barcode
from schemas.keys import EDGES, clean_key
from schemas.validation import validate

EDGE = st.text(st.sampled_from(EDGES), max_size=3)


@given(before=EDGE, after=EDGE, name=st.sampled_from(["externalId", "vendorSku", "barcode"]))
def test_white_space_and_invisible_characters_at_the_ends_make_no_other_key(before, after, name):
    (item,) = validate([{"externalId": "1", name: f"{before}4-\u00a0A{after}"}]).items

    assert "4-\u00a0A" == item[name]


@given(st.text(max_size=5))
def test_a_clean_key_stays_as_it_is(text):
    assert clean_key(text) == clean_key(clean_key(text))
    assert clean_key(text) in text


@pytest.mark.parametrize("key", ["\ufeff", " \u200b", "\u00ad"])
def test_a_key_of_nothing_visible_is_none(key):
    assert ["length"] == [reject.code for reject in validate([{"externalId": key}]).rejects]


@pytest.mark.parametrize("nothing", ["NULL", "n/a", "0", "0000000000000", "-", " None\u00a0", "#N/A", ""])
def test_a_word_for_nothing_is_no_barcode_so_that_nothing_connects_by_it(nothing):
    assert [{"externalId": "1", "barcode": None}] == validate([{"externalId": "1", "barcode": nothing}]).items


@pytest.mark.parametrize("barcode", ["04006381333931", "0-306-40615-2", "NA-100"])
def test_a_barcode_that_merely_resembles_one_of_these_words_stays(barcode):
    assert barcode == validate([{"externalId": "1", "barcode": barcode}]).items[0]["barcode"]


@given(texts=st.lists(st.sampled_from(["1", "4006381333931", "0", "00", "04", "", "-", "N/A", "1 ", "\u0664", "A"])))
def test_a_column_of_barcodes_is_canonical_just_where_each_of_them_stays(texts):
    column = Barcode(0, 255)
    assert all(column.make(text) == text for text in texts) == column.is_canonical(texts)


@pytest.mark.parametrize(
    "item",
    [
        {"externalId": " 1"},
        {"externalId": "1\ufeff"},
        {"externalId": "1", "vendorSku": "1\u00a0"},
        {"externalId": "1", "barcode": "N/A"},
        {"externalId": "1\t"},
    ],
)
def test_the_quick_way_of_the_webhook_leaves_what_is_to_be_cleaned_to_the_long_one(item):
    assert Quick().items(orjson.dumps([{"externalId": "0", "vendorSku": "0"}, item])) is None


def test_the_quick_way_takes_what_is_clean():
    items = [
        {"externalId": "1 A", "vendorSku": "ü", "barcode": "4006381333931"},
        {"externalId": "2", "vendorSku": None},
    ]

    assert 2 == Quick().items(orjson.dumps(items)).number
