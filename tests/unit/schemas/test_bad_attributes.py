"""The feed's policy for one wrong attribute, as webhook, API and puller share it."""

import pytest

from schemas.items import DECISIVE
from schemas.validation import validate


def test_a_wrong_attribute_is_left_out_and_told_with_its_value_and_reason():
    raw = [
        {"externalId": "1", "inventoryQuantity": 5, "retailPrice": "on request", "colour": "red"},
        {"externalId": "2"},
    ]
    result = validate(raw, "skipAttribute")

    assert [{"externalId": "1", "inventoryQuantity": 5}, {"externalId": "2"}] == result.items
    assert ([], [0, 1]) == (result.rejects, result.indexes)
    assert [("retailPrice", "value", "on request")] == [(r.field, r.code, r.value) for r in result.skipped]
    skipped, unknown = result.warnings
    assert (0, "1", "retailPrice", "value", "on request") == tuple(
        skipped[name] for name in ("index", "externalId", "field", "code", "value")
    )
    assert skipped["message"].endswith("left out, the stored value stays")
    assert ("colour", "unknown") == (unknown["field"], unknown["code"])


@pytest.mark.parametrize("name", sorted(DECISIVE))
def test_key_and_quantity_always_cost_the_item(name):
    result = validate([{"externalId": "1", "name": "x", "retailPrice": "y", name: {"no": "value"}}], "skipAttribute")

    assert ([], []) == (result.items, result.warnings)
    assert {name, "retailPrice"} == {reject.field for reject in result.rejects}


def test_without_the_policy_a_wrong_attribute_costs_the_item():
    assert [] == validate([{"externalId": "1", "inventoryQuantity": 5, "retailPrice": "x"}]).items


def test_an_item_of_which_only_the_key_is_left_is_rejected():
    assert ["retailPrice"] == [
        r.field for r in validate([{"externalId": "1", "retailPrice": "x"}], "skipAttribute").rejects
    ]
