"""XPaths that look at what surrounds an item: the same wherever it stands, however large and cut the file."""

import io
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from pydantic import ValidationError

from ingest.feeds.mapping import FormatSettings
from ingest.pull.parse import FormatError, parse

SIZES = "/products/product/sizes/size"


def read(data, item_path, **mapping):
    feed = {"resourceType": "xml", "itemPath": item_path, "mapping": mapping}
    parsing = parse(io.BytesIO(data) if isinstance(data, bytes) else data, FormatSettings.model_validate(feed))
    return [item for chunk in parsing for item in chunk.items]


def sizes(count, *, behind, text="x" * 500):
    size = "".join(f"<size code='{code}'><qty>{code}</qty></size>" for code in range(36, 42))
    parts = [f"<sku>P%04d</sku><text>{text}</text>", f"<sizes>{size}</sizes>"]
    product = f"<product>{''.join(reversed(parts) if behind else parts)}</product>\n"
    return ("<products>" + "".join(product % number for number in range(count)) + "</products>").encode()


@pytest.mark.parametrize("behind", [True, False])
@pytest.mark.parametrize("count", [2, 500])
def test_keys_made_of_a_parents_child_do_not_depend_on_where_it_stands_or_the_files_size(count, behind):
    items = read(sizes(count, behind=behind), SIZES, externalId="concat(../../sku,'-',@code)", inventoryQuantity="qty")

    assert [f"P{number:04d}-{code}" for number in range(count) for code in range(36, 42)] == [
        item["externalId"] for item in items
    ]


@pytest.mark.parametrize("before", [True, False])
def test_what_stands_once_around_all_items_is_found_before_and_behind_them(before):
    items = "".join(f"<item><id>{n}</id><x>{'y' * 300}</x></item>" for n in range(1000))
    once = "<currency code='c'>EUR</currency><prices><price u='2'>7</price><price u='1'>9</price></prices>"
    data = f"<shop n='s'><items>{items}</items></shop>"
    data = data.replace("<items>", f"<items>{once}") if before else data.replace("</items>", f"{once}</items>")
    found = read(
        data.encode(),
        "/shop/items/item",
        externalId="id",
        name="../currency",
        mpn="../currency/@code",
        handle="../../@n",
        retailPrice="../prices/price[@u='1']",
        tags="../prices/price/@u",
        productType="concat(name(..), '-', count(../prices/price))",
    )

    assert 1000 == len(found)
    assert {("EUR", "c", "s", "9", ("2", "1"), "items-2")} == {
        (i["name"], i["mpn"], i["handle"], i["retailPrice"], tuple(i["tags"]), i["productType"]) for i in found
    }


def test_of_several_nodes_around_an_item_the_first_counts_although_it_comes_late():
    data = b"<r><g><i>1</i><t>a</t><i>2</i><t>b</t></g><g><i>3</i></g><g><t>c</t><i>4</i></g></r>"

    assert [("1", "a"), ("2", "a"), ("3", None), ("4", "c")] == [
        (item["externalId"], item.get("name")) for item in read(data, "/r/g/i", externalId=".", name="../t")
    ]


def test_items_at_any_depth_see_their_own_surroundings():
    data = b"<r><t>r</t><i>1</i><g><i>2</i><h><i>3</i><t>h</t></h><t>g</t></g><i>4</i></r>"

    assert ["r", "g", "h", "r"] == [item["name"] for item in read(data, "//i", externalId=".", name="../t")]


def test_names_around_an_item_are_found_in_a_default_namespace_and_with_prefixes():
    data = b"<f xmlns='urn:d' xmlns:g='urn:g'><g:v>V</g:v><e><id>1</id></e><t>T</t></f>"
    feed = {
        "resourceType": "xml",
        "itemPath": "/f/e",
        "namespaces": {"q": "urn:g"},
        "mapping": {"externalId": "id", "name": "../t", "vendorName": "../q:v"},
    }

    (chunk,) = parse(io.BytesIO(data), FormatSettings.model_validate(feed))
    assert [{"externalId": "1", "name": "T", "vendorName": "V"}] == chunk.items


def test_what_surrounds_the_items_is_bounded():
    element = f"<a>{'x' * 1_000}</a>"
    note = f"<note>{element * 4_500}</note>"

    with pytest.raises(FormatError, match="larger than 4 MiB"):
        read(f"<r><i><id>1</id></i>{note}</r>".encode(), "/r/i", externalId="id", name="../note/b")


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("preceding-sibling::size", "its brothers are not known"),
        ("count(preceding-sibling::*)", "its brothers are not known"),
        ("following-sibling::size[1]/@code", "its brothers are not known"),
        ("../size[1]", "on the way to the items"),
        ("../../sizes/size[1]/@code", "on the way to the items"),
        ("count(../size)", "on the way to the items"),
        ("../*", "says by name"),
        ("../text()", "says by name"),
        ("..", "is no value"),
        ("../..", "is no value"),
        ("../..//sku", "must not descend"),
        ("../../../../x", "beyond the root"),
        ("qty/../../x", "begins with .."),
        ("../../x/preceding-sibling::y", "no other axes"),
        ("../../x[../y]", "must not look outside"),
        ("../../a | b", "goes not with |"),
        ("*" + "/../*" * 18, "at most 4 times"),
        ("(../a)/../b", "must not go back"),
    ],
)
def test_what_cannot_be_known_of_an_item_in_a_stream_is_said_when_the_feed_is_saved(path, says):
    with pytest.raises(ValidationError, match=says):
        FormatSettings.model_validate(
            {"resourceType": "xml", "itemPath": SIZES, "mapping": {"externalId": "@code", "name": path}}
        )


@pytest.mark.parametrize("path", ["a/following-sibling::b", "a/../b", "a[../b = 'x']", "a[. = ../../b]", ".//a/.."])
def test_what_stays_inside_the_item_may_go_back(path):
    FormatSettings.model_validate(
        {"resourceType": "xml", "itemPath": SIZES, "mapping": {"externalId": "@code", "name": path}}
    )


def test_the_condition_of_an_item_path_looks_at_the_item_alone():
    with pytest.raises(ValidationError, match="own content"):
        FormatSettings.model_validate({"resourceType": "xml", "itemPath": "/a/b[../c='1']"})


TEXTS = st.sampled_from(["", "a", "é", "b c"])
LEAF = st.tuples(st.sampled_from(["t", "u", "size", "x"]), TEXTS)
GROUP = st.lists(st.one_of(LEAF, st.tuples(st.just("sizes"), st.lists(LEAF, max_size=4))), max_size=5)
PATHS = {
    "name": "../../t",
    "mpn": "concat(../../u, '/', ../t, '/', .)",
    "handle": "../x",
    "externalGroupId": "../../../t",
    "productType": "count(../../t[. = 'a'])",
    "vendorName": "concat(../@k, ../../@k)",
}


def built(groups):
    root = etree.Element("r")
    for number, group in enumerate(groups):
        product = etree.SubElement(root, "p", k=str(number))
        for name, content in group:
            child = etree.SubElement(product, name)
            if isinstance(content, str):
                child.text = content
                continue
            for inner, text in content:
                etree.SubElement(child, inner).text = text
        if number % 2:
            etree.SubElement(root, "t").text = f"root{number}"
    return root


@given(
    st.lists(GROUP, max_size=12),
    st.lists(st.integers(0, 2000), max_size=10),
    st.sampled_from(["/r/p/sizes/size", "//sizes/size"]),
)
def test_xpaths_around_items_are_those_of_the_whole_tree_however_the_bytes_arrive(in_pieces, groups, cuts, item_path):
    root = built(groups)
    data = etree.tostring(root, encoding="utf-8")
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    parts = [data[start:end] for start, end in pairwise(edges)]
    expected = [
        {"externalId": f"n{etree.XPath('string(.)')(item)}"}
        | {name: value for name, path in PATHS.items() if (value := etree.XPath(f"string({path})")(item).strip())}
        for item in etree.XPath(item_path)(root)
        if item.text
    ]

    assert expected == read(in_pieces(parts), item_path, externalId="concat('n', .)", **PATHS)
