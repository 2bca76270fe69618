"""Items written from their columns are the JSON of the same items."""

import json

from hypothesis import given
from hypothesis import strategies as st

from ingest.pull.mapping.written import MadeColumn, items_of
from ingest.pull.records import MISSING

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
