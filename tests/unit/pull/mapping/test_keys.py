"""Columns of keys: which are taken whole, and that they are the same as key by key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.feeds.mapping import Expression
from ingest.pull.mapping.doubts import Doubts
from ingest.pull.mapping.expressions import Origin, compile_column
from ingest.pull.mapping.whole_columns import Memories, keys
from ingest.pull.records import MISSING
from schemas.items import COLUMNS

BARCODES = ["4000000000017", "4006381333931", "0000000000000", "000", "0", "N/A", "none", "-", "ABC-1"]
ODD = ["", " A1", "A1 ", "='", '="007"', "'007", "'7'", "1,2E+12", "1.2E3", "1E+3", "\u00a0A", "\ufeffA", "é", "A\n"]
ODD += ["GRAND TOTAL", "Zwischensumme", "Gesamtmenge:", "sum", "Total-1", "crystal total 5"]
ODD += ["40063813.0", "4.0", "A.0", "#REF!", "##", "#1", "=A", "=SUM(A1)", "A=#'+", "NULL", "n/a", "A\x01", "A\nB"]
ODD += [7, None, MISSING]


def refused(*_):
    raise AssertionError("not taken whole")


@pytest.mark.parametrize("as_text", [True, False])
@pytest.mark.parametrize(
    ("attribute", "found"),
    [
        ("barcode", ["4000000000017", "0000004006381"]),
        ("barcode", ["ABC-1", "4006381333931"]),
        ("vendorSku", ["A 1", "B"]),
        ("vendorSku", ["A", MISSING, "B"]),
        ("barcode", ["4000000000017", MISSING]),
    ],
)
def test_a_column_of_plain_keys_is_taken_whole_also_where_some_have_none(attribute, found, as_text):
    assert (found, MISSING in found) == keys(0, refused, attribute, as_text=as_text)([found], len(found))


def test_an_empty_key_of_a_table_is_none_and_a_null_of_json_stays_null():
    assert (["A", MISSING], True) == keys(0, refused, "vendorSku", as_text=True)([["A", ""]], 2)
    assert (["A", None], True) == keys(0, refused, "vendorSku", as_text=False)([["A", None]], 2)


@pytest.mark.parametrize("attribute", ["externalId", "vendorSku", "barcode"])
@pytest.mark.parametrize("as_text", [True, False])
@given(found=st.lists(st.sampled_from(BARCODES + ODD), min_size=1, max_size=4))
def test_a_column_of_keys_is_the_same_as_its_keys_one_by_one(attribute, as_text, found):
    origin = Origin(as_text, "decimal", Memories(), Doubts())
    column = compile_column(attribute, COLUMNS[attribute], Expression(path="x"), (0,), origin)
    made = []
    for value in found:
        try:
            made.append(column.cell(value))
        except ValueError:
            made = None
            break
    try:
        values, gaps = column.column([found], len(found))
    except (ValueError, TypeError):
        values, gaps = None, False

    assert made == values
    assert gaps or values is None or MISSING not in values
