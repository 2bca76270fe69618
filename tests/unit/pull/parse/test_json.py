"""JSON documents to items: default shapes, paths, page fields, numbers, what is broken or cut off."""

import io
import json
from itertools import pairwise
from pathlib import Path

import ijson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.feeds.mapping import FormatSettings
from ingest.pull.parse import FormatError, parse
from ingest.pull.parse.json import elements, scan
from ingest.pull.records import BLOCK_BYTES

FEEDS = Path(__file__).parents[3] / "fixtures" / "feeds"


def json_settings(**more):
    return FormatSettings.model_validate({"resourceType": "api", **more})


def read(data, **more):
    parsing = parse(io.BytesIO(data) if isinstance(data, bytes) else data, json_settings(**more))
    chunks = list(parsing)
    items = [item for chunk in chunks for item in chunk.items]
    rows = [row for chunk in chunks for row in chunk.rows]
    return items, rows, [reject for chunk in chunks for reject in chunk.rejects], parsing.report


@pytest.mark.parametrize(
    "data",
    [
        b'[{"externalId": "A", "inventoryQuantity": 5}]',
        b'{"inventory": [{"externalId": "A", "inventoryQuantity": 5}]}',
        b'\xef\xbb\xbf{"count": 1, "items": [{"externalId": "A", "inventoryQuantity": "5"}], "next": null}',
        '[{"externalId": "A", "inventoryQuantity": 5.0}]'.encode("utf-16"),
        b'{"externalId": "A", "inventoryQuantity": 5}\n{"externalId": "A", "inventoryQuantity": 5}\n',
    ],
)
def test_default_shapes_need_no_mapping(data):
    items, _, rejects, report = read(data)

    assert ({"externalId": "A", "inventoryQuantity": 5}, [], True) == (items[0], rejects, report.complete)


def test_nested_variants_are_items_and_see_their_product():
    items, rows, rejects, report = read(
        (FEEDS / "nested_variants.json").read_bytes(),
        itemPath="data.products[*].variants[*]",
        mapping={
            "externalId": "sku",
            "barcode": "barcode",
            "name": "^.title",
            "retailPrice": "price.amount",
            "inventoryQuantity": {"path": "stock[0].qty", "default": 0},
            "externalGroupId": "^.id",
            "images": "^.images[*].src",
            "options": "options",
            "vendorName": "^.vendor.name",
        },
    )

    assert {
        "externalId": "FF-100-42",
        "barcode": "4006381333931",
        "name": "Trail shoe “Bergfex”",
        "retailPrice": "129.9",
        "inventoryQuantity": 3,
        "externalGroupId": "9007199254740993",
        "images": ["https://img.fleetfoot.example/100.jpg", "https://img.fleetfoot.example/100-b.jpg"],
        "options": [{"name": "Size", "value": "42"}],
        "vendorName": "Fleetfoot",
    } == items[0]
    assert (None, "119.9") == (items[1]["barcode"], items[1]["retailPrice"])
    assert [(3, "FF-300", "retailPrice", "price.amount", "on request")] == [
        (r.row, r.external_id, r.field, r.column, r.value) for r in rejects
    ]
    assert ([1, 2, 3], True) == (rows, rejects[0].skipped)
    assert "https://api.fleetfoot.example/products?page=2" == report.page_fields["links.next"]
    assert (1, 3) == (report.page_fields["meta.page"], report.page_fields["meta.pages"])


def test_the_item_path_may_name_an_array_or_one_object():
    data = b'{"a": {"b": [{"id": "1"}, {"id": "2"}], "c": {"id": "3"}}, "list": [[{"id": "4"}]]}'

    def ids(path):
        return [item["externalId"] for item in read(data, itemPath=path, mapping={"externalId": "id"})[0]]

    assert [["1", "2"], ["1", "2"], ["3"], ["4"], []] == [ids(p) for p in ("a.b", "$.a.b[*]", "a.c", "list[0]", "x")]


def test_decimals_are_exact_within_their_digits():
    prices = ["123456789.123456", "0.1", "19.90", "1e2", "100", '"12.50"', "-0.0"]
    data = "[" + ",".join(f'{{"externalId": "{n}", "retailPrice": {p}}}' for n, p in enumerate(prices)) + "]"
    items, *_ = read(data.encode())

    assert ["123456789.123456", "0.1", "19.9", "100", "100", "12.5", "0"] == [item["retailPrice"] for item in items]


def test_true_is_no_number_even_after_a_one():
    data = b'[{"externalId": "A", "retailPrice": 1}, {"externalId": "B", "retailPrice": true}]'
    items, _, (reject,), _ = read(data)

    assert (["A"], "retailPrice") == ([item["externalId"] for item in items], reject.field)


def test_null_clears_and_what_is_missing_is_kept():
    data = b'[{"externalId": "A", "name": null}, {"externalId": "B"}, {"externalId": "C", "name": ""}]'

    assert [{"externalId": "A", "name": None}, {"externalId": "B"}, {"externalId": "C", "name": ""}] == read(data)[0]


def test_whole_numbers_are_taken_as_ids():
    assert [{"externalId": "42"}, {"externalId": "x"}] == read(b'[{"externalId": 42}, {"externalId": "x"}]')[0]


def test_a_broken_item_costs_itself_alone():
    data = b'[{"externalId": "A"}, {"externalId": NaN}, {"externalId": "C",}, 7, {"externalId": "E"}]'
    items, rows, rejects, report = read(data)

    assert (["A", "E"], [1, 5], True) == ([item["externalId"] for item in items], rows, report.complete)
    assert [(2, "syntax"), (3, "syntax"), (4, "item.type")] == [(r.row, r.code) for r in rejects]


def test_text_that_is_no_utf8_costs_one_item():
    data = '[{"externalId": "Ä"}, {"externalId": "é"}, {"externalId": "X"}, {"externalId": "ü"}]'.encode()
    items, _, (reject,), _ = read(data.replace(b"X", b"\xff"))

    assert (["Ä", "é", "ü"], 3, "encoding") == ([item["externalId"] for item in items], reject.row, reject.code)


def test_zero_characters_are_refused():
    items, _, (reject,), _ = read(rb'[{"externalId": "A", "name": "a\u0000"}, {"externalId": "B"}]')

    assert (["B"], "name", "characters") == ([item["externalId"] for item in items], reject.field, reject.code)


@pytest.mark.parametrize(
    "data", [b'[{"externalId": "A"},', b'[{"externalId": "A"}, {"exte', b'{"items": [{"externalId": "A"}]']
)
def test_a_document_that_breaks_off_gives_its_items_and_is_not_complete(data):
    items, _, _, report = read(data)

    assert ([{"externalId": "A"}], False) == (items, report.complete)
    assert report.reason


def test_a_path_that_leads_nowhere_says_what_there_is():
    report = read(b'{"result": {"total": 5, "rows": []}}', itemPath="data[*]")[3]

    assert (0, "nothing is at the itemPath; found result.rows[*], result.total") == (report.rows_read, report.hint)


@pytest.fixture
def most_bytes(monkeypatch):
    """How many bytes an item may have: some blocks of the file."""
    for module in (elements, scan):
        monkeypatch.setattr(module, "MAX_RECORD_BYTES", 2 * BLOCK_BYTES)
    return 2 * BLOCK_BYTES


def test_a_too_large_item_costs_itself_alone(most_bytes):
    def parts():
        yield b'[{"externalId": "A"}, {"externalId": "B", "x": ["'
        for _ in range(100):
            yield b'", {"y": "' + b"y\\\\" * (most_bytes // 150) + b'\\""}, "'
        yield b'"]}, {"externalId": "C"}]'

    items, rows, (reject,), report = read(parts())

    assert (["A", "C"], [1, 3], 2) == ([item["externalId"] for item in items], rows, reject.row)
    assert ("too_large", "B", True) == (reject.code, reject.external_id, report.complete)


@pytest.mark.parametrize(
    ("item", "key"),
    [
        (b'{"a": [{"externalId": "X"}, ","], "externalId": "B", "x": "%b"}', "B"),
        (b'{"externalId": 12, "x": {"externalId": "X", "y": "%b"}}', "12"),
        (b'{"x": {"externalId": "X", "y": "%b"}, "externalId": "B"}', None),
        (b'{"externalId": "B", "externalId": "C", "x": "%b"}', None),
        (b'{"externalId": {"id": "B"}, "x": "%b"}', None),
        (b'{"externalId": "B", "y": 07, "x": "%b"}', None),
        (b'["externalId", "B", "%b"]', None),
    ],
)
def test_the_key_of_a_too_large_item_is_told_if_its_beginning_says_it(most_bytes, item, key):
    large = item % (b"x" * (2 * most_bytes))
    items, _, (reject,), report = read(b'[{"externalId": "A"}, %b, {"externalId": "C"}]' % large)

    assert (["A", "C"], "too_large", key, True) == (
        [each["externalId"] for each in items],
        reject.code,
        reject.external_id,
        report.complete,
    )


def test_the_name_of_a_too_large_member_is_its_key(most_bytes):
    large = b'{"A": {"q": 1}, "B": {"x": "%b"}, "C": {"q": 2}}' % (b"x" * (2 * most_bytes))
    mapping = {"externalId": "@key", "inventoryQuantity": "q"}
    items, _, (reject,), _ = read(large, itemPath="*", mapping=mapping)

    assert (["A", "C"], "B") == ([item["externalId"] for item in items], reject.external_id)


def test_nothing_between_two_commas_is_told_as_that():
    items, _, (reject,), report = read(b'[{"externalId": "A"},,{"externalId": "C"}]')

    assert (2, "syntax", True) == (len(items), reject.code, report.complete)
    assert "nothing stands between two commas" in reject.message


@pytest.mark.parametrize(
    ("line", "complete"),
    [
        (b'{"error": "timeout"}', False),
        (b'{"Errors": ["timeout"], "at": 5}', False),
        (b'{"externalId": "C", "error": "none in stock"}', True),
        (b'{"status": "error", "message": "timeout"}', False),
        (b'{"error": {"code": 0, "message": "timeout"}}', False),
        (b'{"errors": [{"code": 5}]}', False),
        (b'{"error": null, "count": 2}', True),
        (b'{"error": {"code": 0, "message": null}, "errors": [{}], "fault": {"code": "0", "id": "x-1"}}', True),
        (b'{"status": "ok", "success": true, "exception": {"message": "No error"}}', True),
    ],
)
def test_lines_that_end_with_an_error_are_not_the_whole_file(line, complete):
    report = read(b'{"externalId": "A"}\n{"externalId": "B"}\n' + line + b"\n")[3]

    assert complete == report.complete
    assert complete or "tells of an error" in report.reason


@pytest.mark.parametrize("data", [b"<html></html>", b"<?xml version='1.0'?>"])
def test_another_format_is_called_by_its_name(data):
    with pytest.raises(FormatError, match="expected JSON"):
        read(data)


def test_depth_outside_the_items_is_bounded():
    with pytest.raises(FormatError, match="nested"):
        read(b'{"a":' * 5000)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(st.sampled_from('a{}[],:"\\é\n'), max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "a", "items", "{"]), inner, max_size=3)
    ),
    max_leaves=8,
)
ITEMS = st.lists(st.dictionaries(st.sampled_from(["id", "a", '"}']), VALUES), max_size=30)
DOCUMENTS = st.fixed_dictionaries({"before": VALUES, "items": ITEMS, "after": VALUES})


@given(DOCUMENTS, st.sampled_from([None, 2]), st.lists(st.integers(0, 3000), max_size=8))
def test_items_are_those_of_a_plain_reader_however_the_bytes_arrive(in_pieces, document, indent, cuts):
    data = json.dumps(document, indent=indent).encode()
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    parts = [data[start:end] for start, end in pairwise(edges)]
    path = json_settings(itemPath="items[*]", mapping={"externalId": "id"})
    parsing = parse(in_pieces(parts), path)
    records = [record.source[0] for record in parsing.records()]

    assert list(ijson.items(data, "items.item", use_float=True)) == records
    assert parsing.report.complete


@given(DOCUMENTS, st.integers(1, 60))
def test_a_document_without_its_end_is_never_complete(document, missing):
    data = json.dumps(document).encode()
    parsing = parse(io.BytesIO(data[: max(len(data) - missing, 1)]), json_settings())
    list(parsing)

    assert not parsing.report.complete


def test_a_large_document_is_read_in_stretches_to_the_same_items(tmp_path):
    items = [{"externalId": str(n), "options": [{"externalId": "x"}, {"externalId": "y"}]} for n in range(5000)]
    data = json.dumps({"items": items, "deleted": items}).encode()

    found, rows, rejects, report = read(data)

    assert (items, list(range(1, 5001)), [], True) == (found, rows, rejects, report.complete)
