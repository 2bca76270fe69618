"""A mapping proposed by names and values."""

import pytest

from ingest.feeds.mends import mend_of
from ingest.feeds.proposals import propose


def proposed(columns):
    return {one.attribute: one.path for one in propose(columns)}


def test_names_in_several_languages_are_known_whatever_their_case_and_accents():
    assert {
        "externalId": "Artikel",
        "inventoryQuantity": "Bestand",
        "costPrice": "Einkaufspreis",
        "name": "Bezeichnung",
    } == (proposed({"Artikel": ["C-1"], "Bezeichnung": ["Lamp"], "Bestand": ["7"], "Einkaufspreis": ["10,25"]}))
    assert {"inventoryQuantity": "Quantité", "retailPrice": "PRIX"} == proposed({"Quantité": ["7"], "PRIX": ["9,90"]})


def test_a_column_with_right_check_digits_is_a_barcode_whatever_its_name():
    (found,) = propose({"Col 7": ["4006381333931", "4006381333948"]})
    assert ("barcode", "Col 7", "its values have right check digits") == (found.attribute, found.path, found.why)


def test_values_that_contradict_a_name_make_it_less_sure():
    sure = propose({"stock": ["1", "2"]})[0].confidence
    unsure = propose({"stock": ["Berlin", "Hamburg"]})[0].confidence
    assert unsure < 0.6
    assert sure > 0.9


def test_quantities_in_words_get_the_transform_that_reads_them():
    (found,) = propose({"availability": ["In stock", "5+", "out of stock"]})
    assert ("inventoryQuantity", ("textToQuantity",)) == (found.attribute, found.transforms)
    assert {"path": "availability", "transforms": ["textToQuantity"]} == found.expression()


def test_the_key_serves_as_the_vendors_sku_and_no_other_column_serves_twice():
    found = proposed({"sku": ["A-1"], "price": ["1.00"], "title": ["Lamp"]})
    assert {"externalId": "sku", "vendorSku": "sku", "retailPrice": "price", "name": "title"} == found


def test_paths_of_xml_and_json_are_known_by_their_last_step():
    found = proposed({"g:id": ["X1"], "g:title": ["Lamp"], "variants[0].barcode": ["4006381333931"]})
    assert {"externalId": "g:id", "name": "g:title", "barcode": "variants[0].barcode"} == found


@pytest.mark.parametrize(
    ("field", "value", "notation", "expected"),
    [
        ("costPrice", "1.234,50", "decimal", ("1.234,50: set decimal comma", {"decimalNotation": "comma"}, None)),
        ("costPrice", "7.50", "comma", ("7.50: set decimal point", {"decimalNotation": "decimal"}, None)),
        ("inventoryQuantity", "5+", "decimal", ("5+: read it as a number", {}, "textToQuantity")),
    ],
)
def test_a_kind_of_reject_has_its_mend(field, value, notation, expected):
    mend = mend_of(field, "number", [value], notation)
    assert expected == (mend.label, mend.settings, mend.transform)


def test_the_mend_of_a_word_gives_it_a_meaning():
    mend = mend_of("inventoryQuantity", "type", ["soon"], "decimal")
    assert {"name": "textToQuantity", "words": {"soon": 0}} == mend.transform


def test_what_only_the_vendor_can_mend_has_none():
    assert mend_of("externalId", "required", [], "decimal") is None
    assert mend_of("barcode", "characters", ["x y"], "decimal") is None
