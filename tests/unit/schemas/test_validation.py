"""Items: what is taken, how it is normalised, and what an error says."""

import pytest

from schemas.attributes import canonical_decimal
from schemas.validation import validate


def test_a_valid_item_keeps_just_what_was_sent():
    raw = [{"externalId": "1234", "vendorSku": "1234", "inventoryQuantity": 10}]

    result = validate(raw)

    assert raw == result.items
    assert (result.rejects, result.warnings) == ([], [])


def test_numbers_in_text_are_taken_where_unambiguous():
    result = validate([{"externalId": "1", "inventoryQuantity": " 12 ", "retailPrice": "0012.50"}])

    assert [{"externalId": "1", "inventoryQuantity": 12, "retailPrice": "12.5"}] == result.items


def test_an_explicit_null_stays():
    assert [{"externalId": "1", "vendorSku": None}] == validate([{"externalId": "1", "vendorSku": None}]).items


def test_a_wrong_item_names_field_value_and_expectation_and_stops_no_other():
    result = validate([{"externalId": "1", "inventoryQuantity": "in stock"}, {"externalId": "2"}])

    assert [{"externalId": "2"}] == result.items
    assert [1] == result.indexes
    (reject,) = result.rejects
    assert (0, "1", "inventoryQuantity", "type", "in stock") == (
        reject.index,
        reject.external_id,
        reject.field,
        reject.code,
        reject.value,
    )
    assert "whole number" in reject.message


@pytest.mark.parametrize(
    ("item", "field", "code"),
    [
        ({}, "externalId", "required"),
        ({"externalId": ""}, "externalId", "length"),
        ({"externalId": "x" * 256}, "externalId", "length"),
        ({"externalId": 5}, "externalId", "type"),
        ({"externalId": "1", "inventoryQuantity": True}, "inventoryQuantity", "type"),
        ({"externalId": "1", "inventoryQuantity": 2**31}, "inventoryQuantity", "range"),
        ({"externalId": "1", "inventoryQuantity": 1.5}, "inventoryQuantity", "type"),
        ({"externalId": "1", "retailPrice": "1,5"}, "retailPrice", "value"),
        ({"externalId": "1", "retailPrice": 1e300}, "retailPrice", "value"),
        ({"externalId": "1", "grams": -1}, "grams", "characters"),
        ({"externalId": "1", "name": "a\0b"}, "name", "characters"),
        ({"externalId": "1", "tags": [["\0"]]}, "tags", "value"),
        ({"externalId": "1", "inventoryPolicy": "sell"}, "inventoryPolicy", "choice"),
    ],
)
def test_a_wrong_value_has_its_code(item, field, code):
    (reject,) = validate([item]).rejects

    assert (field, code) == (reject.field, reject.code)


def test_what_is_no_object_is_rejected():
    assert ["item.type"] == [reject.code for reject in validate([5]).rejects]


def test_unknown_and_read_only_attributes_are_warned_of():
    result = validate([{"externalId": "1", "colour": "red", "id": 5}])

    assert [("colour", "unknown"), ("id", "read_only")] == [(w["field"], w["code"]) for w in result.warnings]


def test_a_flood_of_unknown_attributes_is_summed_up():
    result = validate([{"externalId": "1", **{f"a{number}": 1 for number in range(10_000)}}])

    assert 26 == len(result.warnings)
    assert "9975 more attributes are not known; ignored" == result.warnings[-1]["message"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (19.99, "19.99"),
        (5.0, "5"),
        (-0.0, "0"),
        (0.1, "0.1"),
        ("+1.50", "1.5"),
        (".5", "0.5"),
        (10, "10"),
        ("007", "7"),
    ],
)
def test_a_decimal_has_one_spelling(value, text):
    assert text == canonical_decimal(value)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("retailPrice", "1.234,50", "a decimal comma: expected a decimal point"),
        ("inventoryQuantity", "5 pcs", "a currency sign or a unit"),
        ("retailPrice", "12-", "a minus behind the number"),
        ("costPrice", "1e5", "scientific notation"),
        ("retailPrice", "1,234", "groups of digits"),
        ("grams", "0,125", "in two ways"),
    ],
)
def test_a_text_in_place_of_a_number_is_told_in_the_words_of_pulled_files(name, value, words):
    (reject,) = validate([{"externalId": "A", name: value}]).rejects

    assert (name, value) == (reject.field, reject.value)
    assert words in reject.message
