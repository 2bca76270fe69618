"""Format settings and mapping expressions: what is taken, and what is refused with which words."""

import re

import pytest
from pydantic import TypeAdapter, ValidationError

from ingest.feeds.jsonpaths import STAR, JsonPath, json_path
from ingest.feeds.mapping import FormatSettings
from ingest.feeds.xpaths import check_xpath, item_path

SETTINGS = TypeAdapter(FormatSettings)


def test_a_bare_text_is_a_path():
    settings = SETTINGS.validate_python({"resourceType": "ftpCsv", "mapping": {"externalId": "Id", "name": 3}})

    assert [("Id",), (3,)] == [expression.paths for expression in settings.mapping.values()]


def test_settings_survive_their_own_json():
    raw = {
        "resourceType": "xml",
        "itemPath": "//g:item[@active='1']",
        "namespaces": {"g": "urn:g"},
        "mapping": {
            "externalId": {"path": ["g:id", "@id"], "transforms": ["trim", {"name": "prefix", "text": "A-"}]},
            "inventoryQuantity": {"path": "g:qty", "default": 0, "transforms": ["textToQuantity"]},
            "vendorName": {"constant": "Fleetfoot"},
        },
    }

    settings = SETTINGS.validate_python(raw)

    assert settings == SETTINGS.validate_json(settings.model_dump_json(by_alias=True, exclude_unset=True))


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"resourceType": "xml"}, "itemPath is required for xml"),
        ({"resourceType": "xml", "itemPath": "/a/b["}, "itemPath"),
        ({"resourceType": "xml", "itemPath": "/a/b[1]"}, "compares the item's own content"),
        ({"resourceType": "xml", "itemPath": "/a/g:b"}, "prefix g is not declared"),
        ({"resourceType": "ftpCsv", "itemPath": "/a"}, "does not go with ftpCsv"),
        ({"resourceType": "api", "itemPath": "a..b"}, "not a JSON path"),
        ({"resourceType": "ftpCsv", "delimiter": '"'}, "separates columns"),
        ({"resourceType": "ftpCsv", "encoding": "rot13"}, "not supported"),
        ({"resourceType": "ftpCsv", "encoding": "klingon"}, "unknown encoding"),
        ({"resourceType": "ftpCsv", "mapping": {"price": "Preis"}}, "not an item attribute"),
        ({"resourceType": "ftpCsv", "mapping": {"name": "Name"}}, "externalId is required"),
        ({"resourceType": "ftpCsv", "csvHasHeader": False, "mapping": {"externalId": "Id"}}, "position"),
        ({"resourceType": "api", "mapping": {"externalId": 1}}, "expected a path, got a number"),
        ({"resourceType": "api", "mapping": {"externalId": {}}}, "either a path or a constant"),
        (
            {"resourceType": "api", "mapping": {"externalId": {"path": "a", "transforms": ["eval"]}}},
            "transforms",
        ),
        (
            {
                "resourceType": "api",
                "mapping": {"externalId": {"path": "a", "transforms": [{"name": "match", "pattern": r"(a)\1"}]}},
            },
            "not a usable pattern",
        ),
        ({"resourceType": "api", "mapping": {"externalId": {"constant": None}}}, "externalId is required"),
        ({"resourceType": "api", "mapping": {"externalId": {"path": "a", "default": "0"}}}, "and no default"),
        (
            {"resourceType": "api", "mapping": {"externalId": "a", "barcode": {"constant": "0"}}},
            "keys tell items apart",
        ),
        ({"resourceType": "api", "mapping": {"externalId": "a", "name": "^.b"}}, "no [*] around the items"),
        (
            {"resourceType": "api", "itemPath": "p.v[*]", "mapping": {"externalId": "a", "name": "^.b"}},
            "no [*] around the items",
        ),
        (
            {"resourceType": "api", "itemPath": "p[*].v[*]", "mapping": {"externalId": "a", "name": "^^.b"}},
            "1 [*] around the items",
        ),
    ],
)
def test_a_wrong_setting_is_refused_and_says_why(raw, words):
    with pytest.raises(ValidationError, match=re.escape(words)):
        SETTINGS.validate_python(raw)


@pytest.mark.parametrize(
    ("text", "up", "steps"),
    [
        ("$.data.products[*]", 0, ("data", "products", STAR)),
        ("prices[0].amount", 0, ("prices", 0, "amount")),
        ("['odd.name'].value", 0, ("odd.name", "value")),
        ("^^.title", 2, ("title",)),
        ("g:id", 0, ("g:id",)),
        ("$", 0, ()),
    ],
)
def test_json_paths_are_names_positions_and_stars(text, up, steps):
    assert JsonPath(up, steps) == json_path(text)


@pytest.mark.parametrize("text", ["", "a..b", "a[", "a[-1]", "a[?(@.x)]", "a[1:2]", ".", "a" * 301, ".".join("a" * 30)])
def test_other_json_paths_are_refused(text):
    with pytest.raises(ValueError, match="JSON path"):
        json_path(text)


@pytest.mark.parametrize("path", ["id", "@id", "../@group", ".//price[@currency='EUR']", "concat(a, '-', b)", "."])
def test_xpaths_relative_to_the_item_are_taken(path):
    check_xpath(path, {}, item_path("/items/group/item", {}))


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("document('file:///etc/passwd')", "not allowed"),
        ("id('a')", "not allowed"),
        ("str:tokenize(a)", "not allowed|not declared"),
        ("/products/product", "relative to the item"),
        ("a[//b]", "relative to the item"),
        ("a | /b", "relative to the item"),
        ("a and /b", "relative to the item"),
        (".//a[.//b]", "descent"),
        ("ancestor::a", "axis"),
        ("$secret", "not understood"),
        ("g:id", "not declared"),
        ("a[", "not an XPath"),
        ("a" * 301, "300 characters"),
    ],
)
def test_other_xpaths_are_refused(path, words):
    with pytest.raises(ValueError, match=words):
        check_xpath(path, {}, item_path("/items/group/item", {}))


def test_an_item_path_without_a_root_may_begin_anywhere():
    assert ((True, None, "item"),) == item_path("item", {}).steps
    assert ((False, None, "rss"), (True, None, "item")) == item_path("/rss//item", {}).steps
