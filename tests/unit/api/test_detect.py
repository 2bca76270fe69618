"""What a file is, from its beginning, with the reason."""

import bz2
import gzip

import pytest

from ingest.api.shared.previews.detect import compression, decimal_sign, is_html, item_path, kind


@pytest.mark.parametrize(
    ("head", "expected"),
    [(b"\xef\xbb\xbf<?xml version='1.0'?><a/>", "xml"), (b" \n[{}]", "api"), (b"sku;qty\n", "ftpCsv"), (b"", "ftpCsv"),
     (b"\xff\xfe" + '{"a": 1}'.encode("utf-16-le"), "api")],
)  # fmt: skip
def test_the_first_character_tells_the_kind(head, expected):
    assert expected == kind(head).value


@pytest.mark.parametrize(
    ("packed", "expected"), [(gzip.compress(b"a"), "gzip"), (bz2.compress(b"a"), "bzip2"), (b"PK\x03\x04", "zip")]
)
def test_the_first_bytes_tell_how_a_file_is_packed(packed, expected):
    found = compression(packed)
    assert found is not None
    assert expected == found.value
    assert compression(b"BZ;sku\n") is None


def test_a_web_page_is_no_file():
    assert is_html(b"<!-- generated -->\n<!DOCTYPE html><html><body>Log in")
    assert not is_html(b"<?xml version='1.0'?><products/>")
    assert not is_html(b"<!--" * 500)


def test_the_items_of_xml_are_what_repeats_closest_to_the_root():
    product = b"<product id='1'><name>a</name><images><image>x</image><image>y</image></images></product>"
    head = b"<shop xmlns:g='urn:g'><info><name>shop</name></info><products>" + product * 3 + b"</products></shop>"
    path, namespaces = item_path("xml", head, whole=True)
    assert ("/shop/products/product", "<product> stands 3 times in the beginning") == (path.value, path.why)
    assert {"g": "urn:g"} == namespaces.value
    assert "/shop/products/product" == item_path("xml", head[:200], whole=False)[0].value


def test_entities_of_a_foreign_file_are_not_followed(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("<x/>")
    head = f"<!DOCTYPE a [<!ENTITY e SYSTEM 'file://{secret}'>]><a><b i='1'>&e;</b><b i='2'/></a>".encode()
    assert ["/a/b"] == [found.value for found in item_path("xml", head, whole=True)]


def test_the_items_of_json_are_the_longest_list_of_objects():
    head = b'{"meta": {"tags": ["a"]}, "data": {"products": [{"a": 1}, {"a": 2}], "vendors": [{"a": 1}]}}'
    assert ["$.data.products[*]"] == [found.value for found in item_path("api", head, whole=True)]
    assert [] == item_path("api", head[:50], whole=False)


def test_the_decimal_sign_is_the_one_that_most_values_have():
    found = decimal_sign({"price": ["1.234,50", "7,00"], "sku": ["1,2,3"]})
    assert ("comma", "values such as 7,00 in price") == (found.value, found.why)
    assert "decimal" == decimal_sign({"price": ["1,234.50"], "weight": ["1,5"], "cost": ["2.25"]}).value
