"""Files of several JSON documents, objects keyed by SKU, names that stand twice, long numbers, and what is no page."""

import io
import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.feeds.mapping import FormatSettings
from ingest.pull.parse import parse

FEEDS = Path(__file__).parents[3] / "fixtures" / "feeds"
A = b'{"externalId": "A", "inventoryQuantity": 1}'
B = b'{"externalId": "B", "inventoryQuantity": 2}'
PRETTY = b'{\n  "externalId": "A",\n  "inventoryQuantity": 1\n}'


def read(data, **more):
    parsing = parse(io.BytesIO(data), FormatSettings.model_validate({"resourceType": "api", **more}))
    chunks = list(parsing)
    items = [item for chunk in chunks for item in chunk.items]
    return items, [reject for chunk in chunks for reject in chunk.rejects], parsing.report


def keys(data, **more):
    items, rejects, report = read(data, **more)
    assert (True, []) == (report.complete, rejects)
    return "".join(item["externalId"] for item in items)


def test_one_array_behind_the_other_is_read_whole():
    items, _, report = read((FEEDS / "json_two_arrays.json").read_bytes())

    assert [("A1", 1), ("A2", 2), ("A3", 3)] == [(item["externalId"], item["inventoryQuantity"]) for item in items]
    assert (True, 3) == (report.complete, report.entries)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"[%b][%b]" % (A, B), "AB"),
        (b'{"items": [%b]}\n{"items": [%b]}\n' % (A, B), "AB"),
        (b'{"items": [%b]} {"inventory": [%b], "next": 3}' % (A, B), "AB"),
        (b'{"items": []}{"items": [%b]}' % B, "B"),
        (A, "A"),
        (A + b"\n", "A"),
        (PRETTY, "A"),
        (PRETTY + b"\n" + PRETTY, "AA"),
        (PRETTY + PRETTY, "AA"),
        (A + B, "AB"),
        (A + b"\r\n" + B + b"\r\n", "AB"),
        (A + b"\n\n" + B, "AB"),
        (b"[%b]\n\x1a" % A, "A"),
        (b"[%b]\0\0\0" % A, "A"),
        (A + b"\n" + B + b"\n\x1a", "AB"),
    ],
)
def test_documents_one_behind_the_other_are_read_whole(data, expected):
    assert expected == keys(data)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (b'{"error": "limit reached"}', "nothing is at the top"),
        (b"7", "nothing is at the top"),
        (b"]", "unexpected ]"),
        (b"<b>Notice</b>", "unexpected"),
        (b"[%b" % B, "ends inside"),
    ],
)
def test_what_follows_a_document_and_is_none_makes_the_file_doubtful(more, says):
    items, _, report = read(b"[%b]%b" % (A, more))

    assert "A" == items[0]["externalId"]
    assert not report.complete
    assert says in report.reason


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b'{"error": {"code": 7, "message": "slow down"}}', "error.code, error.message"),
        (b'{"data": {"products": [{"sku": 1}]}}', "data.products[*], data.products[0].sku"),
        (b'{"items": null}', "items"),
        (b'{"message": "x", "rows": [[1]]}', "rows[*], rows[0][*]"),
    ],
)
def test_a_document_without_items_is_told_from_an_empty_one(data, found):
    items, _, report = read(data)

    assert ([], None) == (items, report.entries)
    assert found in report.hint


@pytest.mark.parametrize("data", [b"[]", b'{"items": []}', b'{"total": 0, "inventory": [], "next": null}'])
def test_an_empty_page_is_a_page(data):
    report = read(data)[2]

    assert (0, None, True) == (report.entries, report.hint, report.complete)


def test_products_without_variants_are_entries():
    report = read(b'{"p": [{"v": []}, {"v": []}, {}]}', itemPath="p[*].v[*]", mapping={"externalId": "sku"})[2]

    assert (3, 0) == (report.entries, report.rows_read)


@pytest.mark.parametrize("path", ["items.*", "items[*]", "$.items.*"])
def test_an_object_keyed_by_sku_is_read(path):
    data = b'{"items": {"A-1": {"qty": 5, "name": "x"}, "B": {"qty": 6}}, "page": 1}'
    items, rejects, report = read(data, itemPath=path, mapping={"externalId": "@key", "inventoryQuantity": "qty"})

    assert [("A-1", 5), ("B", 6)] == [(item["externalId"], item["inventoryQuantity"]) for item in items]
    assert ([], 2, 1) == (rejects, report.entries, report.page_fields["page"])


def test_an_object_of_quantities_is_read():
    mapping = {"externalId": "@key", "inventoryQuantity": "@value"}

    assert [{"externalId": "A", "inventoryQuantity": 5}, {"externalId": "B", "inventoryQuantity": 0}] == read(
        b'{"A": 5, "B": 0}', itemPath="*", mapping=mapping
    )[0]


def test_objects_inside_objects_keyed_by_name_are_read():
    data = b'{"shops": {"north": {"stock": {"A": {"q": 1}}}, "south": {"stock": {"A": {"q": 2}, "B": {"q": 3}}}}}'
    mapping = {"externalId": "@key", "vendorName": "^.@key", "inventoryQuantity": "q"}
    items, *_ = read(data, itemPath="shops.*.stock.*", mapping=mapping)

    assert [("A", "north", 1), ("A", "south", 2), ("B", "south", 3)] == [
        (item["externalId"], item["vendorName"], item["inventoryQuantity"]) for item in items
    ]


@pytest.mark.parametrize("inner", ["qty", "@value"])
def test_the_name_of_an_outer_member_is_no_inner_one(inner):
    member = '{"qty": 5}' if inner == "qty" else "5"
    data = f'{{"stock": {{"2024": {{"A": {member}}}, "2025": {{}}, "2026": 7}}}}'.encode()
    mapping = {"externalId": "@key", "name": "^.@key", "inventoryQuantity": inner}
    items, rejects, _ = read(data, itemPath="stock.*.*", mapping=mapping)

    assert ([{"externalId": "A", "name": "2024", "inventoryQuantity": 5}], []) == (items, rejects)


@pytest.mark.parametrize("member", ['"error": "no access"', '"Errors": ["limit"]', '"exception": {"text": "x"}'])
@pytest.mark.parametrize("before", ["", '"A": 5, ' * 2_000])
def test_an_object_of_items_that_tells_of_an_error_is_no_certain_answer(member, before):
    mapping = {"externalId": "@key", "inventoryQuantity": "@value"}
    *_, report = read(f'{{{before}{member}, "code": 403}}'.encode(), itemPath="*", mapping=mapping)

    assert not report.complete
    assert "it tells of an error" in report.reason


def test_a_broken_member_costs_itself_alone_and_is_known_by_its_key():
    data = b'{"A": {"q": 1}, "B": {"q": 1,}, "C": {"q": 1, "q": 2}, "D": {"q": 4}}'
    items, rejects, report = read(data, itemPath="*", mapping={"externalId": "@key", "inventoryQuantity": "q"})

    assert (["A", "D"], True) == ([item["externalId"] for item in items], report.complete)
    assert [("B", "syntax"), ("C", "repeated")] == [(reject.external_id, reject.code) for reject in rejects]


def test_a_large_object_is_read_to_the_same_items_as_an_array():
    members = {f"K{n}": {"q": n, "o": {"a": ["}", "{"]}} for n in range(5000)}
    mapping = {"externalId": "@key", "inventoryQuantity": "q"}

    assert [{"externalId": key, "inventoryQuantity": value["q"]} for key, value in members.items()] == read(
        json.dumps(members).encode(), itemPath="*", mapping=mapping
    )[0]


@pytest.mark.parametrize(
    ("item", "key", "name"),
    [
        (b'{"externalId": "X", "inventoryQuantity": 5, "inventoryQuantity": 7}', "X", "inventoryQuantity"),
        (b'{"externalId": "X", "externalId": "Y"}', None, "externalId"),
        (b'{"externalId": "X", "options": [{"name": "a", "name": "b"}]}', "X", "name"),
        (b'{"externalId": "X", "n\\u0061me": "a", "name": "b"}', "X", "name"),
        (b'{"externalId": "X", "name": "a\\u003a", "mpn": 1, "mpn": 2}', "X", "mpn"),
    ],
)
@pytest.mark.parametrize("around", [b"[%b, %b, %b]", b"%b\n%b\n%b\n", b'{"items": [%b,%b,%b]}'])
def test_a_name_that_stands_twice_makes_its_item_doubtful(item, key, name, around):
    items, (reject,), report = read(around % (A, item, B))

    assert (["A", "B"], 2, True) == ([each["externalId"] for each in items], reject.row, report.complete)
    assert (key, "repeated") == (reject.external_id, reject.code)
    assert f"{name!r} stands twice" in reject.message


def test_names_that_stand_twice_are_found_in_the_middle_of_a_large_file():
    rows = [{"externalId": f"K{n}", "name": "a: b", "url": "https://x"} for n in range(5000)]
    data = json.dumps(rows).replace('"externalId": "K4000"', '"externalId": "K4000", "name": "other"').encode()
    items, (reject,), _ = read(data)

    assert (4999, 4001, "K4000") == (len(items), reject.row, reject.external_id)


@pytest.mark.parametrize("number", ["9007199254740993", "18446744073709551617", "123456789012345678901234567890"])
def test_long_numbers_keep_every_digit(number):
    data = b'[{"externalId": %b}, {"externalId": "x"}]' % number.encode()

    assert [number, "x"] == [item["externalId"] for item in read(data)[0]]


def test_a_broken_item_is_known_by_its_key_if_that_is_there_once():
    data = b'[{"externalId": "A", "name": NaN}, {"name": NaN}, {"externalId": "A", "externalId": "B",}]'

    assert ["A", None, None] == [reject.external_id for reject in read(data)[1]]


VALUES = st.text(st.sampled_from('a{}[],:"\\é\n'), max_size=5) | st.integers(0, 2**70)
ITEM = st.fixed_dictionaries({"externalId": st.text(st.sampled_from("ab:"), min_size=1)}, optional={"x": VALUES})
SHAPES = {
    "array": lambda items, indent: json.dumps(items, indent=indent),
    "object": lambda items, indent: json.dumps({"total": 1, "items": items}, indent=indent),
    "documents": lambda items, indent: "".join(json.dumps([item], indent=indent) for item in items),
    "lines": lambda items, _: "".join(json.dumps(item) + "\n" for item in items),
    "pretty": lambda items, _: "\n".join(json.dumps(item, indent=2) for item in items),
}


@given(
    st.lists(ITEM, max_size=12),
    st.sampled_from(sorted(SHAPES)),
    st.sampled_from([None, 1]),
    st.lists(st.integers(0, 900)),
)
def test_every_shape_gives_the_same_items_however_the_bytes_arrive(in_pieces, items, shape, indent, cuts):
    data = SHAPES[shape](items, indent).encode()
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    parsing = parse(in_pieces([data[start:end] for start, end in pairwise(edges)]), FormatSettings(resource_type="api"))

    assert items == [record.source[0] for record in parsing.records()]
    assert parsing.report.complete


@given(st.lists(ITEM, min_size=1, max_size=6), st.sampled_from(["array", "object"]), st.data())
def test_a_document_cut_at_any_byte_is_told(items, shape, data):
    whole = SHAPES[shape](items, None).encode()
    cut = data.draw(st.integers(1, len(whole) - 1))

    assert not read(whole[:cut])[2].complete


@given(st.lists(ITEM, min_size=1, max_size=6), st.data())
def test_lines_cut_at_any_byte_are_told_or_end_with_a_whole_line(items, data):
    whole = SHAPES["lines"](items, None).encode()
    cut = data.draw(st.integers(1, len(whole) - 1))
    found, _, report = read(whole[:cut])

    assert not report.complete or whole[:cut].rstrip().endswith(b"}")
    assert [item["externalId"] for item in found] == [item["externalId"] for item in items][: len(found)]


def test_names_that_stand_twice_are_found_beside_elements_that_are_no_objects():
    items, rejects, _ = read(b'["x", {"externalId": "A", "mpn": 1, "mpn": 2}]')

    assert ([], ["item.type", "repeated"]) == (items, [reject.code for reject in rejects])


@pytest.mark.parametrize("colon", [b":", b" :", b"\t:", b"\r:", b"\n:", b" \n :"])
def test_names_that_stand_twice_are_found_whatever_stands_before_their_colons(colon):
    flat = [b'{"externalId"%b"%d","name":":a: b","mpn":"1"}' % (colon, n) for n in range(3)]
    twice = b'{"externalId":"X","mpn":"1","mpn"%b"2","name":"\\":"}' % colon

    assert "012" == keys(b"[" + b",".join(flat) + b"]")
    assert [("X", "repeated")] == [(r.external_id, r.code) for r in read(b"[" + b",".join([*flat, twice]) + b"]")[1]]
