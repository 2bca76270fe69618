"""What vendors' programs really post: each is answered clearly, and what is wrong with one item costs no other."""

import gzip
import json

import orjson
import pytest

from schemas.batches import decode
from tests.unit.edge.test_edge_post import posted

GOOD = {"externalId": "good", "inventoryQuantity": 3}


def item(written, external_id='"1"'):
    return f'{{"externalId": {external_id}, {written}}}'


async def answered(body, **headers):
    """Return (status, answer, items on the queue)."""
    response, published = await posted(body, **headers)
    return response.status, orjson.loads(response.body), [one for *_, it in published for one in decode(it).items]


async def beside_a_good_one(written):
    """Post an item, as it is written, before a good one; returns (answer, items on the queue)."""
    status, answer, items = await answered(f"[{written}, {json.dumps(GOOD)}]".encode())
    assert 202 == status
    assert GOOD == items[-1]
    return answer, items[:-1]


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        (item('"inventoryQuantity": 5', "1234"), {"externalId": "1234", "inventoryQuantity": 5}),
        (item('"inventoryQuantity": 5', "18446744073709551615"), {"externalId": "18446744073709551615"}),
        (item('"inventoryQuantity": 5', '"\\ufeff 12\\u00a0"'), {"externalId": "12"}),
        (item('"inventoryQuantity": 5', '"\\ud83d\\ude00"'), {"externalId": "😀"}),
        (item('"inventoryQuantity": -3'), {"inventoryQuantity": -3}),
        (item('"inventoryQuantity": -0'), {"inventoryQuantity": 0}),
        (item('"inventoryQuantity": -0.0, "costPrice": -0.0'), {"inventoryQuantity": 0, "costPrice": "0"}),
        (item('"inventoryQuantity": "-0"'), {"inventoryQuantity": 0}),
        (item('"inventoryQuantity": 1E1'), {"inventoryQuantity": 10}),
        (item('"inventoryQuantity": "5.0"'), {"inventoryQuantity": 5}),
        (item('"costPrice": 1e2'), {"costPrice": "100"}),
        (item('"costPrice": 19.990000000000002'), {"costPrice": "19.99"}),
        (item('"barcode": 4006381333931'), {"barcode": "4006381333931"}),
        (item('"barcode": 0'), {"barcode": None}),
        (item('"tags": "red, oak"'), {"tags": ["red", "oak"]}),
        (item('"images": {"src": "https://a/1.jpg"}'), {"images": [{"src": "https://a/1.jpg"}]}),
        (
            item('"images": [{"src": "https://a/1.jpg", "alt": "a: b"}]'),
            {"images": [{"src": "https://a/1.jpg", "alt": "a: b"}]},
        ),
        (item('"locations": [{"id": 1, "inventoryQuantity": 5}]'), {"locations": [{"id": 1, "inventoryQuantity": 5}]}),
        (item('"vendorSku": null, "inventoryQuantity": null'), {"vendorSku": None, "inventoryQuantity": None}),
    ],
)
async def test_what_is_plainly_meant_is_taken(written, stored):
    answer, (taken,) = await beside_a_good_one(written)

    assert stored.items() <= taken.items()
    assert [] == answer["rejected"]


@pytest.mark.parametrize(
    ("written", "field", "code"),
    [
        (item('"inventoryQuantity": 5, "inventoryQuantity": 7'), "inventoryQuantity", "repeated"),
        (item('"inventoryQuantity": 5, "inventory\\u0051uantity": 7'), "inventoryQuantity", "repeated"),
        (item('"inventoryQuantity": 5, "externalId": "2"'), "externalId", "repeated"),
        (item('"metaFields": {"a": [{"b": 1, "b": 2}]}'), "b", "repeated"),
        (item('"inventoryQuantity": NaN'), "inventoryQuantity", "type"),
        (item('"inventoryQuantity": -Infinity'), "inventoryQuantity", "type"),
        (item('"inventoryQuantity": 1e400'), "inventoryQuantity", "type"),
        (item('"inventoryQuantity": 99999999999999999999999999'), "inventoryQuantity", "type"),
        (item('"inventoryQuantity": 99999999999'), "inventoryQuantity", "range"),
        (item('"inventoryQuantity": true'), "inventoryQuantity", "type"),
        (item('"inventoryQuantity": ""'), "inventoryQuantity", "type"),
        (item('"inventoryQuantity": "5+"'), "inventoryQuantity", "type"),
        (item('"inventoryQuantity": "\u0665"'), "inventoryQuantity", "type"),
        (item('"inventoryQuantity": 5.5'), "inventoryQuantity", "type"),
        (item('"inventoryQuantity": {"available": 5}'), "inventoryQuantity", "type"),
        (item('"inventoryQuantity": 5', '"\\ud800"'), "externalId", "characters"),
        (item('"inventoryQuantity": 5', '"a\\u0000b"'), "externalId", "characters"),
        (item('"inventoryQuantity": 5', "12.5"), "externalId", "type"),
        (item('"inventoryQuantity": 5', "12345678901234567890123"), "externalId", "type"),
        (item('"inventoryQuantity": 5', "null"), "externalId", "type"),
        (item('"inventoryQuantity": 5', '"  "'), "externalId", "length"),
        ("null", None, "item.type"),
        ("[[]]", None, "item.type"),
    ],
)
async def test_what_could_be_something_else_costs_its_own_item_alone(written, field, code):
    answer, others = await beside_a_good_one(written)

    assert [] == others
    assert [(0, field, code)] == [(told["index"], told["field"], told["code"]) for told in answer["rejected"]]


@pytest.mark.parametrize(
    ("written", "field", "code"),
    [
        ('"name": "cut \\ud83d"', "name", "characters"),
        ('"name": "a\\u0000b"', "name", "characters"),
        ('"metaFields": {"a": "\\udc00"}', "metaFields", "value"),
        ('"metaFields": {"\\udc00": 1}', "metaFields", "value"),
        ('"metaFields": {"a": NaN}', "metaFields", "value"),
        ('"tags": [Infinity]', "tags", "value"),
        ('"costPrice": NaN', "costPrice", "value"),
        ('"costPrice": 1e400', "costPrice", "value"),
        ('"costPrice": "19,99"', "costPrice", "value"),
        ('"costPrice": ""', "costPrice", "value"),
        ('"costPrice": true', "costPrice", "value"),
        ('"costPrice": 123456789012345678901234567890', "costPrice", "value"),
        ('"grams": -1', "grams", "characters"),
        ('"name": {"en": "Oak"}', "name", "type"),
        ('"tags": true', "tags", "type"),
        ('"caf\\u0065\\u0301 \\ud800": 1', "cafe\u0301 \\ud800", "unknown"),
        ('"inventory_quantity": 9', "inventory_quantity", "unknown"),
    ],
)
async def test_what_describes_costs_itself_alone(written, field, code):
    answer, others = await beside_a_good_one(item(f'"inventoryQuantity": 5, {written}'))

    assert [{"externalId": "1", "inventoryQuantity": 5}] == others
    assert [(0, field, code)] == [(told["index"], told["field"], told["code"]) for told in answer["warnings"]]
    assert [] == answer["rejected"]


@pytest.mark.parametrize("beside", [item('"costPrice": 1'), item('"inventoryQuantity": NaN'), "{}"])
async def test_a_whole_number_beyond_64_bits_is_read_the_same_whatever_is_beside_it(beside):
    written = item(f'"metaFields": {{"n": {10**30}, "m": {2**64 - 1}}}')
    keyed = item('"costPrice": 1', 10**30)
    _, answer, items = await answered(f"[{written}, {keyed}, {beside}]".encode())

    assert {"n": 1e30, "m": 2**64 - 1} == items[0]["metaFields"]
    assert (1, "externalId", "type") == tuple(answer["rejected"][0][name] for name in ("index", "field", "code"))


async def test_keys_are_compared_as_they_are_written():
    """Two ways to write ü are two keys: nobody can tell whether their owner means one."""
    composed, decomposed = item('"name": "NFC"', '"T\u00fcr"'), item('"name": "NFD"', '"Tu\u0308r"')

    _, items = await beside_a_good_one(f"{composed}, {decomposed}")

    assert ["T\u00fcr", "Tu\u0308r"] == [one["externalId"] for one in items]


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        (item('"inventoryQuantity": 5', "12.0"), "(a decimal number may have lost digits: send it as text)"),
        ('{"external_id": "1", "inventoryQuantity": 5}', "(there is external_id: write it externalId)"),
        ('{"\\ufeffexternalId": "1"}', "write it externalId)"),
        ('{"items": [{"externalId": "1"}]}', "(the items are in items: send that array itself)"),
        ('{"vendorSku": "1"}', "externalId is required"),
    ],
)
async def test_an_item_without_a_key_is_told_where_it_may_be(written, hint):
    answer, _ = await beside_a_good_one(written)

    assert answer["rejected"][0]["message"].endswith(hint)


async def test_an_attribute_that_is_written_in_another_way_is_told_its_name():
    answer, _ = await beside_a_good_one(item('"InventoryQuantity ": 5'))

    assert answer["warnings"][0]["message"].endswith("ignored (did you mean inventoryQuantity?)")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (gzip.compress(b"[]", mtime=0), "send Content-Encoding: gzip"),
        ('[{"externalId": "1"}]'.encode("utf-16"), "UTF-16"),
        ('[{"externalId": "1"}]'.encode("utf-16-le"), "UTF-16"),
        (b"<items></items>", "XML"),
        (b"payload=%5B%7B%22externalId%22", "a form"),
        (b"[{'externalId': '1'}]", "double quotes"),
        (b'{"externalId": "1"}\n{"externalId": "2"}\n', "as an array"),
        (b'[{"externalId": "1"}]\0', "after document"),
        (b'[{"externalId": undefined}]', "column 17"),
        (b'[{"externalId": "T\xfcr"}]', "byte 18"),
        (b'[{"externalId": NaN', "column"),
    ],
)
async def test_a_body_that_is_no_json_is_400_and_says_what_it_looks_like(body, words):
    status, answer, _ = await answered(body)

    assert 400 == status
    assert words in answer["detail"]
