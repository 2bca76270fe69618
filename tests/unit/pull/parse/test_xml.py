"""XML files to items: paths, namespaces, what is malicious, what is cut off, and that memory stays small."""

import io
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.feeds.mapping import FormatSettings
from ingest.pull.parse import FormatError, parse
from ingest.pull.parse.xml.around import with_default_namespace

FEEDS = Path(__file__).parents[3] / "fixtures" / "feeds"
IDS = {"externalId": "id"}


def xml_settings(**more):
    return FormatSettings.model_validate({"resourceType": "xml", "itemPath": "/items/item", **more})


def read(data, charset=None, **more):
    parsing = parse(io.BytesIO(data) if isinstance(data, bytes) else data, xml_settings(**more), charset=charset)
    chunks = list(parsing)
    items = [item for chunk in chunks for item in chunk.items]
    rows = [row for chunk in chunks for row in chunk.rows]
    return items, rows, [reject for chunk in chunks for reject in chunk.rejects], parsing.report


def test_a_google_merchant_feed_is_read_with_its_namespace():
    items, rows, rejects, report = read(
        (FEEDS / "google_merchant.xml").read_bytes(),
        itemPath="/rss/channel/item",
        namespaces={"g": "http://base.google.com/ns/1.0"},
        mapping={
            "externalId": "g:id",
            "name": "g:title",
            "barcode": "g:gtin",
            "retailPrice": {"path": "g:price", "transforms": [{"name": "match", "pattern": r"^([\d.]+) EUR$"}]},
            "inventoryQuantity": {
                "path": "g:availability",
                "transforms": [{"name": "textToQuantity", "words": {"in_stock": 10, "out_of_stock": 0}}],
            },
            "images": ["g:image_link", "g:additional_image_link"],
            "metaFields": {"constant": '{"source": "merchant"}'},
            "vendorName": "../title",
        },
    )

    assert {
        "externalId": "FF-100-42",
        "name": 'Trail shoe "Bergfex" & laces, 42',
        "barcode": "4006381333931",
        "retailPrice": "129.9",
        "inventoryQuantity": 10,
        "images": ["https://img.fleetfoot.example/100.jpg"],
        "metaFields": {"source": "merchant"},
        "vendorName": "Fleetfoot – running shoes",  # noqa: RUF001
    } == items[0]
    assert ("FF-100-43", 0, False) == (items[1]["externalId"], items[1]["inventoryQuantity"], "barcode" in items[1])
    assert [1, 2] == rows
    assert [(3, "FF-200", "inventoryQuantity", "g:availability", "preorder")] == [
        (r.row, r.external_id, r.field, r.column, r.value) for r in rejects
    ]
    assert (True, 3) == (report.complete, report.rows_read)


def test_repeated_elements_make_a_list():
    data = b"<items><item><id>A</id><tag>x</tag><tag>y</tag><img>u</img></item></items>"

    assert [{"externalId": "A", "tags": ["x", "y"], "images": ["u"]}] == read(
        data, mapping=IDS | {"tags": "tag", "images": "img"}
    )[0]
    assert [{"externalId": "A", "name": "x"}] == read(data, mapping=IDS | {"name": "tag"})[0]


def test_elements_named_like_attributes_need_no_mapping():
    data = b"<items><item><external_id>A</external_id><Inventory-Quantity>5</Inventory-Quantity></item></items>"

    assert [{"externalId": "A", "inventoryQuantity": 5}] == read(data)[0]


def test_names_without_a_prefix_are_found_in_a_default_namespace():
    data = b"<items xmlns='urn:x'><item nr='7'><id>A</id><stock><qty unit='pc'>5</qty></stock></item></items>"
    items, *_ = read(data, mapping={"externalId": "id", "inventoryQuantity": "stock/qty[@unit='pc']", "mpn": "@nr"})

    assert [{"externalId": "A", "inventoryQuantity": 5, "mpn": "7"}] == items


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("a/b[@c = 'd']", "default-namespace:a/default-namespace:b[@c='d']"),
        ("a[b and div div 2]", "default-namespace:a[default-namespace:b and default-namespace:div div 2]"),
        ("concat(a, g:b, text())", "concat(default-namespace:a,g:b,text())"),
        ("child::a/attribute::b", "child::default-namespace:a/attribute::b"),
    ],
)
def test_xpath_names_are_put_into_the_default_namespace(path, written):
    assert written.replace(" ", "") == with_default_namespace(path).replace(" ", "")


def test_items_see_their_surroundings():
    data = (
        b"<catalog><product><title>P</title><variants><v>1</v><v>2</v></variants></product>"
        b"<product><title>Q</title><variants><v>3</v></variants></product></catalog>"
    )
    items, *_ = read(data, itemPath="/catalog/product/variants/v", mapping={"externalId": ".", "name": "../../title"})

    assert [("1", "P"), ("2", "P"), ("3", "Q")] == [(item["externalId"], item["name"]) for item in items]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/items/item", ["A"]),
        ("item", ["A", "B"]),
        ("//group/item", ["B"]),
        ("/items//item", ["A", "B"]),
        ("/items/*/item", ["B"]),
        ("//item[@active='1']", ["A"]),
        ("/item", []),
    ],
)
def test_the_item_path_chooses_the_items(path, expected):
    data = b"<items><item active='1'><id>A</id></item><group><item><id>B</id></item></group></items>"
    items, _, _, report = read(data, itemPath=path, mapping=IDS)

    assert expected == [item["externalId"] for item in items]
    assert (report.hint is None) == bool(expected)


def test_nil_clears_empty_keeps():
    data = (
        b"<items xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'>"
        b"<item><id>A</id><p xsi:nil='true'/><n/></item></items>"
    )

    assert [{"externalId": "A", "retailPrice": None}] == read(data, mapping=IDS | {"retailPrice": "p", "name": "n"})[0]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1252"])
def test_the_declared_encoding_is_used(encoding):
    text = f"<?xml version='1.0' encoding='{encoding}'?><items><item><id>Ü</id></item></items>"

    assert [{"externalId": "Ü"}] == read(text.encode(encoding), mapping=IDS)[0]


def test_a_declaration_that_lies_is_survived():
    text = "<?xml version='1.0' encoding='UTF-8'?><items><item><id>A</id><n>Tür</n></item></items>"
    items, _, _, report = read(text.encode("cp1252"), mapping=IDS | {"name": "n"})

    assert ([{"externalId": "A", "name": "Tür"}], "cp1252") == (items, report.encoding)


def test_characters_that_xml_cannot_have_cost_one_item():
    data = b"<items><item><id>A</id></item><item><id>B</id><n>b\x0bb</n></item></items>"
    items, _, (reject,), report = read(data, mapping=IDS | {"name": "n"})

    assert ([{"externalId": "A"}], 2, "name", True) == (items, reject.row, reject.field, report.complete)


LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "doctype",
    [
        f'<!DOCTYPE items [<!ENTITY a0 "ha">{LAUGHS}]>',
        f'<!DOCTYPE items [<!ENTITY a "{"a" * 50_000}">]>',
        '<!DOCTYPE items [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE items [<!ENTITY % a SYSTEM "http://127.0.0.1:9/x.dtd"> %a;]>',
        f"<!DOCTYPE items [{'<!-- -->' * 20_000}<!ENTITY a 'b'>]>",
    ],
)
def test_documents_that_declare_entities_are_refused(doctype):
    data = (doctype + "<items><item><id>&a9;&a;</id></item></items>").encode()

    with pytest.raises(FormatError, match="declares entities"):
        read(data, mapping=IDS)


def test_entities_hidden_by_an_encoding_are_refused_too():
    data = '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE items [<!ENTITY a "b">]><items/>'.encode("utf-16")

    with pytest.raises(FormatError, match="entities"):
        read(data, mapping=IDS)


def test_a_doctype_that_declares_no_entity_loads_nothing():
    data = b'<!DOCTYPE items SYSTEM "http://127.0.0.1:9/never.dtd"><items><item><id>A</id></item></items>'

    assert [{"externalId": "A"}] == read(data, mapping=IDS)[0]


@pytest.mark.parametrize(
    ("end", "reason"),
    [(b"", "breaks off"), (b"<item><id>B</i", "breaks off"), (b"<item></b></items>", "not well-formed")],
)
def test_a_file_that_breaks_off_gives_its_items_and_is_not_complete(end, reason):
    items, _, _, report = read(b"<items><item><id>A</id></item>" + end, mapping=IDS)

    assert ([{"externalId": "A"}], False) == (items, report.complete)
    assert reason in report.reason


@pytest.mark.parametrize("padding", [b"", b"\n", b"\n\0\0", b"\x1a", b" \r\n\x1a\0"])
def test_padding_behind_the_document_is_no_part_of_it(padding):
    assert read(b"<items><item><id>A</id></item></items>" + padding, mapping=IDS)[3].complete


@pytest.mark.parametrize(
    "more", [b"<items/>", b"\n<items><item><id>B</id></item></items>", b"\nNotice: x", b"<!-- -->7"]
)
def test_a_file_with_something_behind_its_root_is_never_half_read_in_silence(more):
    items, _, _, report = read(b"<items><item><id>A</id></item></items>" + more, mapping=IDS)

    assert (1, False) == (len(items), report.complete)
    assert "follows the end of the document" in report.reason


@pytest.mark.parametrize(
    ("begins", "path", "key"),
    [
        (b"<item><id>B</id>", "id", "B"),
        (b"<item code='B'>", "@code", "B"),
        (b"<item><id>B</id><a><id>X</id></a>", "concat(id, '-1')", "B-1"),
        (b"<item><a><id>X</id></a>", "id", None),
        (b"<item><id>B</id><id>C</id>", "id", None),
        (b"<item><id>", "id", None),
    ],
)
def test_a_too_large_item_costs_itself_alone(begins, path, key):
    begins, ends = (begins, b"</id>") if begins.endswith(b"<id>") else (begins, b"")

    def parts():
        yield b"<items><item code='A'><id>A</id></item>" + begins
        for _ in range(100):
            yield b"<x>" + b"y" * 60_000 + b"</x>"
        yield ends + b"</item><item code='C'><id>C</id></item></items>"

    items, rows, (reject,), report = read(parts(), mapping={"externalId": path})

    assert (["A", "C"], [1, 3], 2) == ([item["externalId"][0] for item in items], rows, reject.row)
    assert ("too_large", key, True) == (reject.code, reject.external_id, report.complete)


@pytest.mark.parametrize("data", [b"<!doctype html><html>", b'{"a": 1}', b"id;name\n1;2\n"])
def test_what_is_no_xml_is_called_by_its_name(data):
    with pytest.raises(FormatError, match="expected XML"):
        read(data)


def test_an_empty_file_has_no_items():
    assert 0 == read(b"")[3].rows_read


NAMES = st.sampled_from(["item", "id", "x", "n:id"])
TEXTS = st.text(st.sampled_from("aé€ \n&<"), max_size=5)


@given(
    items=st.lists(st.lists(st.tuples(NAMES, TEXTS), max_size=4), max_size=40),
    cuts=st.lists(st.integers(0, 3000), max_size=8),
    end=st.integers(0, 30),
)
def test_nothing_depends_on_how_the_bytes_arrive(in_pieces, items, cuts, end):
    def element(name, text):
        return f"<{name}>{text.replace('&', '&amp;').replace('<', '&lt;')}</{name}>"

    body = "".join("<item>" + "".join(element(*pair) for pair in fields) + "</item>" for fields in items)
    data = f"<items xmlns:n='urn:n'>{body}</items>".encode()
    data = data[: len(data) - end]
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    parts = [data[start:stop] for start, stop in pairwise(edges)]
    whole, pieces = (
        parse(source, xml_settings(mapping=IDS | {"name": "x"})) for source in (io.BytesIO(data), in_pieces(parts))
    )
    try:
        expected = list(whole)
    except FormatError as error:
        with pytest.raises(FormatError, match=str(error)[:20]):
            list(pieces)
        return

    assert expected == list(pieces)
    assert whole.report == pieces.report
