"""Items that are cut from an XML file without a tree are those that the tree gives, whatever stands in the file."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.feeds.mapping import FormatSettings
from ingest.pull import records
from ingest.pull.parse import FormatError, parse
from ingest.pull.parse.xml import columns, document
from ingest.pull.parse.xml.flat import FlatItems, FlatReader

MAPPING = {"externalId": "sku", "name": "name", "inventoryQuantity": "qty", "tags": "tag"}
ITEM = "<i><sku>K-{}</sku><name>A lamp</name><qty>7</qty></i>\n"
SURPRISES = [
    ITEM,
    "<i><sku>K-{}</sku><name>Nuts &amp; bolts &lt;M4&gt; &#38;lt; &#xe9; &amp;lt;</name><qty>7</qty></i>",
    "<i><sku>K-{}</sku><name><![CDATA[<b>bold</b> & </i> ]]>x</name><qty>7</qty></i>",
    "<i><sku>K-{}</sku><name><![CDATA[a <![CDATA[ b]]></name><qty>7</qty></i>",
    "<i><sku>K-{}</sku><name>a > b</name><qty>7</qty></i>",
    "<i><sku>K-{}</sku><name>x >name> z</name><qty>7</qty></i>",
    "<i><sku>K-{}</sku><name>x >y/> z</name><qty>7</qty></i>",
    "<i><sku>K-{}</sku><!-- </i> --><name>c</name><qty>7</qty></i>",
    "<i><sku>K-{}</sku><name>c<?p </i>?>d</name><qty>7</qty></i>",
    "<i><sku>K-{}</sku><qty>7</qty></i>",
    "<i><sku>K-{}</sku><qty>7</qty><qty>8</qty></i>",
    "<i><sku>K-{}</sku><qty>7</qty><qty>7</qty></i>",
    "<i><sku>K-{}</sku><tag>a</tag><tag>b</tag><qty>7</qty></i>",
    "<i><sku>K-{}</sku><tag>a</tag><tag><x/></tag><qty>7</qty></i>",
    "<i><sku>K-{}</sku><name/><qty>7</qty></i>",
    "<i><sku>K-{}</sku><name></name><qty> 7\r\n</qty></i>\r\n",
    "<i><sku>K-{}</sku><name>a\r\nb\rc&#13;</name><qty>7</qty></i>\r",
    "<i><sku>K-{}</sku><qty><main>5</main><outlet>7</outlet></qty></i>",
    '<i id="{}" at=\'1\'><sku>K-{}</sku><qty unit="pc &quot;\n">7</qty></i>',
    '<i id="{}"><sku>K-{}</sku><qty unit="it\'s">7</qty></i>',
    '<i xmlns="urn:other"><sku>K-{}</sku><qty>7</qty></i>',
    '<i><sku xmlns:x="http://www.w3.org/2001/XMLSchema-instance" x:nil="true"></sku><qty>{}</qty></i>',
    "<i><sku>K-{}</sku><i><sku>inner</sku></i><qty>7</qty></i>",
    "<i><sku>K-{}</sku>text<name>d</name>behind<qty>7</qty></i >between",
    "<j><sku>K-{}</sku><qty>7</qty></j>",
    "</r><r>{}",
    "<i><sku>K-{}</sku><name>\ufffe</name><qty>7</qty></i>",
    "<i><sku>K-{}</sku><name>\x02</name><qty>7</qty></i>",
    "<i><sku>K-{}</sku><name>&nbsp;</name><qty>7</qty></i>",
    "<i><sku>K-{}</sku><name>a & b</name><qty>7</qty></i>",
    "<i><sku>K-{}</sku><name>]]></name><qty>7</qty></i>",
    "<i><sku>K-{}</sku><name<a></name><qty>7</qty></i>",
    '<i><sku>K-{}</sku></i"x></i>',
    "<g:i><g:sku>K-{}</g:sku><qty>7</qty></g:i>",
    "<i><g:sku>G</g:sku><sku>K-{}</sku><qty>7</qty></i>",
    "<i><h:sku>undeclared</h:sku><sku>K-{}</sku><qty>7</qty></i>",
    "<i><sku>null</sku><qty>{}</qty></i>",
    "<i><sku>K-{}</sku><qty>many</qty></i>",
    "<!-- <i><sku>K-{}</sku></i> -->",
]
MAPPINGS = [
    MAPPING,
    MAPPING | {"vendorSku": "@id", "barcode": "qty/@unit"},
    MAPPING | {"inventoryQuantity": "qty/main", "vendorSku": "g:sku"},
    MAPPING | {"name": "qty[.=7]"},
    {},
]


@pytest.fixture(name="small_blocks", autouse=True, scope="module")
def _small_blocks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(document, "blocks_of", lambda source: records.blocks_of(source, 200))
        yield


def read(data, mapping, path="/r/i"):
    settings = FormatSettings.model_validate(
        {"resourceType": "xml", "itemPath": path, "mapping": mapping, "namespaces": {"g": "urn:g"}}
    )
    parsing = parse(io.BytesIO(data), settings)
    try:
        chunks = list(parsing)
    except FormatError as error:
        return str(error)
    report = parsing.report.as_json()
    report["reason"] = report["reason"] and report["reason"].partition(", column")[0]
    items = [(row, item) for chunk in chunks for row, item in zip(chunk.rows, chunk.items, strict=True)]
    return items, [reject for chunk in chunks for reject in chunk.rejects], report


def read_as_trees(data, mapping, path="/r/i"):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "FlatReader", lambda matcher, _: FlatReader(matcher, None))
        return read(data, mapping, path)


def file_of(pieces):
    inside = "".join(piece.replace("{}", str(number)) for number, piece in enumerate(pieces))
    return f'<?xml version="1.0"?>\n<r xmlns:g="urn:g">{inside}</r>'.encode()


@pytest.mark.parametrize("mapping", MAPPINGS)
@pytest.mark.parametrize("surprise", SURPRISES)
def test_a_surprise_among_flat_items_is_read_as_by_the_parser(surprise, mapping):
    data = file_of([ITEM] * 10 + [surprise] * 6 + [ITEM] * 6 + [surprise] + [ITEM] * 5)

    assert read(data, mapping) == read_as_trees(data, mapping)


@given(
    pieces=st.lists(st.sampled_from([ITEM, *SURPRISES]), min_size=8, max_size=25),
    mapping=st.sampled_from(MAPPINGS),
    path=st.sampled_from(["/r/i", "//i", "/r/*", "//*", "/r/g:i", "/r/i[qty=7]"]),
    change=st.one_of(st.none(), st.tuples(st.integers(0, 2_000), st.sampled_from(b"<>&/x\"' ]\xff\x00\n"))),
)
def test_any_mixture_of_surprises_is_read_as_by_the_parser(pieces, mapping, path, change):
    data = bytearray(file_of([*[ITEM] * 8, *pieces, *[ITEM] * 8]))
    if change is not None:
        data[change[0] % len(data)] = change[1]

    assert read(bytes(data), mapping, path) == read_as_trees(bytes(data), mapping, path)


@pytest.mark.parametrize(
    "item",
    [
        ITEM,
        "<i><sku>K-{}</sku><name>Nuts &amp; bolts</name><qty>7</qty></i>",
        "<i><sku>K-{}</sku><name><![CDATA[<b>bold</b>]]></name><qty>7</qty></i>",
        '<i id="{}"><sku>K-{}</sku><qty unit="pc">7</qty></i>',
        "<i><sku>K-{}</sku><name/><stock><qty>7</qty></stock></i>",
    ],
)
def test_items_with_the_same_tags_are_made_without_a_tree(item, monkeypatch):
    made = []
    kept = FlatItems.__init__

    def counted(self, rows, *written):
        made.append(len(rows))
        kept(self, rows, *written)

    monkeypatch.setattr(FlatItems, "__init__", counted)
    items, rejects, report = read(file_of([item] * 60), MAPPING | {"inventoryQuantity": ["qty", "stock/qty"]})

    assert (list(range(1, 61)), [], True) == ([row for row, _ in items], rejects, report["complete"])
    assert sum(made) >= 40, made


def test_what_is_wrong_behind_items_without_a_tree_is_told_with_its_line():
    _, _, report = read(file_of([ITEM] * 60 + ["\n</x>"]), MAPPING)

    assert report["reason"] == "not well-formed XML: Opening and ending tag mismatch: r line 2 and x, line 63"


def test_rejected_rows_without_a_tree_are_kept_as_they_stand_in_the_file():
    bad = "<i><sku>K-{}</sku><name>Nuts &amp; bolts</name><qty>many</qty></i>\n"
    _, rejects, _ = read(file_of([ITEM] * 20 + [bad] * 20), MAPPING)

    assert rejects[-1].record == [("sku", "K-39"), ("name", "Nuts & bolts"), ("qty", "many")]


def test_an_item_that_begins_in_a_block_with_bytes_that_are_no_text_is_in_doubt_to_its_end():
    broken = "<i><sku>K-{}</sku><name>bad \x00 byte</name><tag>" + "x" * 300 + "</tag><qty>7</qty></i>"
    data = file_of([ITEM] * 20 + [broken]).replace(b"lamp", "lämp".encode()).replace(b"\x00", b"\xff")
    items, rejects, _ = read(data, MAPPING)

    assert (20, ["encoding"]) == (len(items), [reject.code for reject in rejects])
