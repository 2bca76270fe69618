"""What is written as CSV, XML or JSON is read back the same, and the fast way through a column is no other way."""

import csv
import io
import json
from xml.sax.saxutils import escape, quoteattr

from hypothesis import given
from hypothesis import strategies as st

from ingest.feeds.mapping import FormatSettings
from ingest.pull.mapping.doubts import CellError
from ingest.pull.mapping.keys import NO_IDS, unwrapped
from ingest.pull.parse import parse
from schemas.attributes import canonical_decimal
from schemas.items import ATTRIBUTES
from schemas.keys import clean_key
from schemas.validation import validate

TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffd\ufffe\uffff"), min_size=1, max_size=12
)
PLAIN = TEXT.map(str.strip).filter(bool)


def is_key(text):
    """Return whether a text is no spreadsheet's work and no word for nothing."""
    try:
        return text != "" and unwrapped(text) == text and text.lower() not in NO_IDS
    except CellError:
        return False


KEY = TEXT.map(clean_key).filter(is_key)
PRICE = st.decimals(-(10**8), 10**8, places=2).map(lambda price: canonical_decimal(str(price)))
WHOLE = st.integers(-(2**31), 2**31 - 1)
ITEM = st.fixed_dictionaries(
    {"externalId": KEY},
    optional={
        "vendorSku": KEY,
        "name": PLAIN,
        "inventoryQuantity": WHOLE,
        "retailPrice": PRICE,
        "costPrice": PRICE,
        "inventoryPolicy": st.sampled_from(["deny", "continue", "track"]),
        "tags": st.lists(PLAIN, max_size=3),
        "metaFields": st.dictionaries(PLAIN, WHOLE, max_size=2),
    },
).filter(lambda item: len(item) > 1)
ITEMS = st.lists(ITEM, max_size=60)


def read(data, **feed):
    parsing = parse(io.BytesIO(data), FormatSettings.model_validate(feed))
    chunks = list(parsing)
    assert [] == [reject for chunk in chunks for reject in chunk.rejects]
    assert all(len(chunk.items) <= 50 for chunk in chunks)
    return [item for chunk in chunks for item in chunk.items]


def as_text(value):
    return json.dumps(value) if isinstance(value, list | dict) else str(value)


@given(ITEMS, st.sampled_from(",;\t|"), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_items_written_as_csv_are_read_back(items, delimiter, encoding):
    out = io.StringIO()
    writer = csv.DictWriter(out, list(ATTRIBUTES), delimiter=delimiter)
    writer.writeheader()
    writer.writerows({name: as_text(value) for name, value in item.items()} for item in items)

    assert items == read(
        out.getvalue().encode(encoding), resourceType="ftpCsv", delimiter=delimiter, encoding=encoding, csvEscape="none"
    )


@given(ITEMS)
def test_items_written_as_xml_are_read_back(items):
    names = sorted({name for item in items for name in item})
    body = "".join(
        f"<item id={quoteattr(item['externalId'])}>"
        + "".join(f"<{name}>{escape(as_text(value))}</{name}>" for name, value in item.items() if name != "externalId")
        + "</item>"
        for item in items
    )
    mapping = {name: name for name in names} | {"externalId": "@id"}

    assert items == read(f"<items>{body}</items>".encode(), resourceType="xml", itemPath="/items/item", mapping=mapping)


@given(ITEMS, st.sampled_from([None, 1]))
def test_items_written_as_json_are_read_back(items, indent):
    assert items == read(json.dumps({"items": items}, indent=indent).encode(), resourceType="api")


ANY = st.none() | st.booleans() | WHOLE | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=4)
ANY |= st.sampled_from(["1", "12.50", "-0", "1,5", "track", "", " ", "[]", 10**12, "x" * 300])


@given(
    st.lists(
        st.dictionaries(st.sampled_from(ATTRIBUTES[:12] + ATTRIBUTES[-7:]), ANY | st.lists(ANY, max_size=2)),
        max_size=12,
    )
)
def test_what_a_column_takes_at_once_is_what_validation_takes_one_by_one(raw):
    parsing = parse(io.BytesIO(json.dumps(raw).encode()), FormatSettings(resource_type="api"))
    chunks = list(parsing)
    found = {row: item for chunk in chunks for row, item in zip(chunk.rows, chunk.items, strict=True)}

    assert list(found.values()) == validate(list(found.values())).items
    alone = {}
    for row, item in enumerate(raw, 1):
        result = validate([item])
        if result.items:
            alone[row] = result.items[0]
    assert alone == {row: item for row, item in found.items() if row in alone}
    assert parsing.report.rows_read == len(raw)
