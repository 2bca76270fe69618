"""XML files with faults that cost their item, and not the file; and what is no value although it is there."""

from pathlib import Path

import pytest

from ingest.pull.parse import FormatError
from tests.unit.pull.parse.xml_reading import MAPPING, file_of, product, read

FEEDS = Path(__file__).parents[3] / "fixtures" / "feeds"


@pytest.mark.parametrize("space", [b"\n", b"  \r\n\t", b"\n" * 70_000, b"\xef\xbb\xbf \n"])
def test_white_space_before_the_declaration_is_read_over(space):
    items, rejects, report = read(space + (FEEDS / "xml_space_first.xml").read_bytes())

    assert ([{"externalId": "A1", "inventoryQuantity": 5}], [], True) == (items, rejects, report.complete)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("xml_undefined_entity.xml", "the entity &nbsp; in line 2 is not defined"),
        ("xml_bare_ampersand.xml", "a bare & in line 2"),
    ],
)
def test_a_reference_that_means_nothing_costs_its_item(name, what):
    items, (reject,), report = read((FEEDS / name).read_bytes())

    assert [("A1", 5), ("A3", 7)] == [(item["externalId"], item["inventoryQuantity"]) for item in items]
    assert (2, "A2", "name", "syntax") == (reject.row, reject.external_id, reject.column, reject.code)
    assert what in reject.message
    assert (True, 3) == (report.complete, report.rows_read)


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ("&eacute;", "&eacute;"),
        ("&copy 2020", "a bare &"),
        ("R&D", "a bare &"),
        ("&;", "a bare &"),
        ("&#0;", "&#0;"),
        ("&#11;", "&#11;"),
        ("&#xFFFE;", "&#xFFFE;"),
        ("&#xD800;", "&#xD800;"),
        ("&#x110000;", "&#x110000;"),
    ],
)
@pytest.mark.parametrize("prolog", ["", "<!DOCTYPE products SYSTEM 'shops.dtd'>\n"])
def test_every_kind_of_faulty_reference_is_named(written, what, prolog):
    items, (reject,), report = read(file_of(product("A"), "\n", product("B", written), product("C"), prolog=prolog))

    assert (["A", "C"], "B", True) == ([item["externalId"] for item in items], reject.external_id, report.complete)
    assert what in reject.message
    assert f"line {2 + bool(prolog)}" in reject.message


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("&amp;&lt;&gt;&quot;&apos;", "&<>\"'"),
        ("&#233;&#xe9;&#xE9;&#x1F600;&#128512;&#39;", "ééé😀😀'"),
        ("<![CDATA[a & b &nbsp; ]> ]]>", "a & b &nbsp; ]>"),
        ("a<!-- & - &nbsp; > -->b", "ab"),
        ("a<?php & > ?>b", "ab"),
        ("<![CDATA[<!-- ]]>&amp;", "<!-- &"),
        ("<![CDATA[<![CDATA[ & ]]>x", "<![CDATA[ & x"),
    ],
)
def test_what_only_looks_like_a_faulty_reference_is_text(written, value):
    items, rejects, _ = read(file_of(product("A", written), product("B")))

    assert (value, []) == (items[0]["name"], rejects)


def test_a_fault_in_the_key_leaves_the_key_unknown():
    _, (reject,), _ = read(file_of(product("A&B"), product("C")))

    assert (1, None) == (reject.row, reject.external_id)


def test_a_fault_in_an_attribute_costs_its_item():
    items, (reject,), _ = read(file_of("<product url='?a=1&b=2'><sku>A</sku></product>", product("B")))

    assert (["B"], "A") == ([item["externalId"] for item in items], reject.external_id)


def test_a_fault_around_the_items_costs_those_that_look_at_it_however_far_behind():
    data = f"<shop><owner>Nuts & bolts</owner><products>{''.join(map(product, range(1500)))}</products></shop>".encode()
    items, rejects, _ = read(
        data, itemPath="/shop/products/product", mapping=MAPPING | {"vendorName": "../../owner", "name": "name"}
    )
    untouched, none, _ = read(data, itemPath="/shop/products/product")

    assert ({"vendorName"}, 1500) == ({reject.field for reject in rejects}, len(items) + len(rejects))
    assert (1500, []) == (len(untouched), none)


def test_faults_are_found_wherever_a_block_of_the_file_ends():
    data = file_of(product("A", "a&nbsp;b <![CDATA[&]]> &amp; <!-- & --> &#233;"), product("B", "&"), product("C"))
    expected = read(data)[:2]

    assert {1, 2} == {reject.row for reject in expected[1]}
    for cut in range(len(data)):
        assert expected == read([data[:cut], data[cut:]])[:2]


@pytest.mark.parametrize(
    ("quantity", "named"),
    [
        ("<main>5</main><outlet>7</outlet>", "<main>, <outlet>"),
        ("5<unit>pc</unit>", "<unit>"),
        ("<a/>", "<a>"),
        ("<n><n>5</n></n>", "<n>"),
    ],
)
def test_an_element_that_contains_elements_is_no_number(quantity, named):
    items, (reject,), _ = read(file_of(product("A", "x", quantity), product("B")))

    assert ["B"] == [item["externalId"] for item in items]
    assert ("A", "inventoryQuantity", "elements") == (reject.external_id, reject.field, reject.code)
    assert named in reject.message


@pytest.mark.parametrize("path", ["qty", "stock/qty", "stock/*", "stock/qty | other"])
def test_an_element_that_contains_elements_is_no_value_by_any_path(path):
    quantity = "<qty><a>5</a><b>7</b></qty>"
    data = file_of(f"<product><sku>A</sku>{quantity}<stock>{quantity}</stock></product>")
    items, (reject,), _ = read(data, mapping={"externalId": "sku", "inventoryQuantity": path})

    assert ([], "elements") == (items, reject.code)


@pytest.mark.parametrize(
    "path",
    [
        "number(qty)",
        "qty * 1",
        "-qty",
        "(qty) + 0",
        "concat(qty, '')",
        "string((qty)[1])",
        "string(stock/qty)",
        "normalize-space(other | qty)",
        "sum(plain | qty)",
        "substring(../qty, 1)",
        "qty = 57",
    ],
)
def test_no_function_makes_a_value_of_an_element_that_contains_elements(path):
    quantity = "<qty><main>5</main><outlet>7</outlet></qty>"
    item = f"<product><sku>A</sku><plain>1</plain>{quantity}<stock>{quantity}</stock></product>"
    for name in ("inventoryQuantity", "name"):
        data = f"<products>{quantity}{item}</products>".encode()
        items, rejects, _ = read(data, mapping={"externalId": "sku", name: path})

        assert ([], [(name, "elements")]) == (items, [(reject.field, reject.code) for reject in rejects])


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("number(qty/main)", "5"),
        ("qty/main + qty/outlet", "12"),
        ("sum(qty/*)", "12"),
        ("count(qty)", "1"),
        ("count(qty/*) * 2", "4"),
        ("string((qty)[1]/main)", "5"),
        ("local-name(qty)", "qty"),
        ("concat(plain[../qty], name(qty))", "1qty"),
        ("concat(qty/main/text(), @id)", "5x"),
        ("string(boolean(qty and plain))", "true"),
        ("string(../qty/main)", "5"),
        ("count(../qty) + plain", "2"),
    ],
)
def test_functions_that_ask_for_no_value_of_such_an_element_go_on(path, expected):
    quantity = "<qty><main>5</main><outlet>7</outlet></qty>"
    data = f'<products>{quantity}<product id="x"><sku>A</sku><plain>1</plain>{quantity}</product></products>'.encode()

    items, rejects, _ = read(data, mapping={"externalId": "sku", "name": path})

    assert ([{"externalId": "A", "name": expected}], []) == (items, rejects)


def test_a_list_of_elements_with_elements_is_no_list():
    data = file_of("<product><sku>A</sku><img>u</img><img><src>v</src></img></product>")
    _, (reject,), _ = read(data, mapping={"externalId": "sku", "images": "img"})

    assert ("images", "elements") == (reject.field, reject.code)


@pytest.mark.parametrize("path", ["//product", "product", "/products//product", "//*[sku]"])
def test_items_inside_items_are_refused_with_the_way_out(path):
    inner = f"<related>{product('B')}</related>"
    data = file_of(product("A").replace("</product>", f"{inner}</product>"))

    with pytest.raises(FormatError, match="inside <"):
        read(data, itemPath=path)
    assert ["A"] == [item["externalId"] for item in read(data)[0]]


def test_an_item_path_that_finds_nothing_names_what_is_there():
    report = read(file_of(product("A"), product("B")), itemPath="/catalog/product")[2]

    assert report.hint == (
        "no element is /catalog/product: found /products, /products/product (2 times), "
        "/products/product/sku (2 times), /products/product/name (2 times), /products/product/qty (2 times)"
    )


def test_the_prefix_xml_needs_no_declaration():
    data = b"<products><product xml:lang='de'><sku xml:space='default'>A</sku></product></products>"
    mapping = {"externalId": "sku[@xml:space]", "mpn": "@xml:lang", "handle": "concat(@xml:lang, '-')"}

    assert [{"externalId": "A", "mpn": "de", "handle": "de-"}] == read(data, mapping=mapping)[0]


@pytest.mark.parametrize("comments", [30, 3000])
def test_a_file_of_brackets_and_comments_costs_linear_time(comments):
    """With patterns that backtrack, 25 pairs took seconds and each more doubled it."""
    for start in ("<!DOCTYPE " + "[]" * comments, "<!---->" * comments, "<?a?>" * comments):
        with pytest.raises(FormatError, match="expected XML"):
            read(start.encode())


def test_an_item_path_with_many_descents_costs_linear_time():
    deep = "<x>" + "<a>" * 200 + "</a>" * 200 + "</x>"

    assert [] == read(deep.encode(), itemPath="/x" + "//a" * 40 + "/b")[0]
