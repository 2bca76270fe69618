"""Items written from their columns are the JSON of the same items."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.pull.mapping.whole_columns import bounded_integers, keys
from ingest.pull.mapping.written import MadeColumn, items_of
from ingest.pull.records import MISSING
from schemas.items import COLUMNS

TEXT = st.text(max_size=6) | st.text('a",\\\n\u2028é', max_size=6) | st.sampled_from(['","', '\\","', "{", "}"])
JSON = st.recursive(st.none() | st.booleans() | st.integers(-9, 9) | TEXT, lambda each: st.lists(each, max_size=2))
KINDS = st.sampled_from([TEXT, st.integers(-(2**31), 2**31), st.booleans(), JSON, TEXT | st.none()])
NAMES = ("externalId", "name", "barcode", "inventoryQuantity")


@st.composite
def tables(draw):
    """Draw columns of one length, the first one without gaps, and the items that they make."""
    count = draw(st.integers(1, 5))
    columns = [MadeColumn(NAMES[0], draw(st.lists(TEXT, min_size=count, max_size=count)), gaps=draw(st.booleans()))]
    for name in NAMES[1 : draw(st.integers(1, len(NAMES)))]:
        gaps = draw(st.booleans())
        values = draw(KINDS) | st.just(MISSING) if gaps else draw(KINDS)
        columns.append(MadeColumn(name, draw(st.lists(values, min_size=count, max_size=count)), gaps=gaps))
    rows = zip(*(column.values for column in columns), strict=True)
    items = [dict(zip(NAMES, row, strict=False)) for row in rows]
    return columns, [{name: value for name, value in item.items() if value is not MISSING} for item in items]


@given(tables())
def test_items_are_written_as_their_values_are(table):
    columns, items = table

    written = items_of(columns)

    assert items == [json.loads(each) for each in written]
    assert not any("\n" in each for each in written)


def test_text_that_needs_escapes_and_values_that_are_missing_leave_the_others_alone():
    columns = [
        MadeColumn("externalId", ["A", "B"], gaps=True),
        MadeColumn("name", ['12" "wide", round', "b\\"], gaps=False),
        MadeColumn("barcode", [MISSING, "4001"], gaps=True),
        MadeColumn("inventoryQuantity", [None, 7], gaps=False),
    ]

    assert [
        '{"externalId":"A","name":"12\\" \\"wide\\", round","inventoryQuantity":null}',
        '{"externalId":"B","name":"b\\\\","barcode":"4001","inventoryQuantity":7}',
    ] == items_of(columns)


@pytest.mark.parametrize("texts", [["5", "70"], ["-0", "-7"], [" 5", "7\t"], ["5\n", "\r7"], ["0", "2147483647"]])
def test_numbers_are_written_as_numbers_however_they_stand_in_the_file(texts):
    made = bounded_integers(COLUMNS["inventoryQuantity"])(texts)

    written = items_of([MadeColumn("inventoryQuantity", made, gaps=False)])
    assert [f'{{"inventoryQuantity":{int(text)}}}' for text in texts] == written


@pytest.mark.parametrize("found", [["A-1", "B-2"], ['12"-A', "B-2"], ["A\\1", "B-2"]])
def test_keys_that_are_right_as_they_stand_are_escaped_where_they_need_it(found):
    made, gaps = keys(0, None, "vendorSku", as_text=True)([found], len(found))

    written = items_of([MadeColumn("vendorSku", made, gaps)])
    assert [{"vendorSku": key} for key in found] == list(map(json.loads, written))
