"""What a diff counts, and that it compares by the road's rules."""

from ingest.pull.run.diff import EXAMPLES, Tally, compare
from schemas.items import HOT_ATTRIBUTES
from workers.apply.admit import charge

DAY = 739_000
MARK = charge(0, DAY)


class Row(dict):
    """A row of the query `compared_items`: read by name and by place, as asyncpg's are."""

    def __getitem__(self, key):
        return list(self.values())[key] if isinstance(key, int) else super().__getitem__(key)


def row(*items, stored=None, details=None, deferred=None):
    hot = {name: (stored or {}).get(name) for name in HOT_ATTRIBUTES}
    if stored is not None:
        hot |= {name: stored.get(name, value) for name, value in DEFAULTS.items()}
    return Row(
        {"external_id": "A", "items": list(items), "deferred": deferred, "id": None if stored is None else 7}
        | hot
        | {"charged": 0, "details": details}
    )


DEFAULTS = {"inventoryPolicy": "track", "inventoryQuantityOverride": "none"}


def test_an_item_is_compared_as_the_road_compares_it():
    stored = {"inventoryQuantity": 5, "retailPrice": "10"}
    new = compare(row('{"externalId":"A","inventoryQuantity":3}'))
    same = compare(row('{"externalId":"A","inventoryQuantity":5,"inventoryPolicy":null}', stored=stored))
    less = compare(row('{"externalId":"A","inventoryQuantity":0,"retailPrice":"9"}', stored=stored))
    named = compare(
        row('{"externalId":"A","name":"new","tags":[]}', stored=stored, details='{"name":"old","mpn":"kept"}')
    )

    assert ("created", [("inventoryQuantity", None, 3)]) == new
    assert ("unchanged", []) == same
    assert ("changed", [("inventoryQuantity", 5, 0), ("retailPrice", "10", "9")]) == less
    assert ("changed", [("name", "old", "new")]) == named


def test_rows_of_one_item_count_as_one_over_what_waits_for_the_limit():
    rows = ('{"externalId":"A","inventoryQuantity":3}', '{"externalId":"A","retailPrice":"2"}')
    merged = compare(row(*rows, stored={"inventoryQuantity": 5}, deferred='{"externalId":"A","vendorSku":"s"}'))

    assert ("changed", [("vendorSku", None, "s"), ("inventoryQuantity", 5, 3), ("retailPrice", None, "2")]) == merged


def test_the_tally_counts_units_what_falls_to_nothing_prices_that_jump_and_the_cost():
    tally = Tally(DAY)
    tally.add("created", "A", [("inventoryQuantity", None, 4)], 0)
    tally.add("changed", "B", [("inventoryQuantity", 5, 0), ("retailPrice", "10", "15.01")], 0)
    tally.add("changed", "C", [("inventoryQuantity", 5, 4), ("costPrice", "10", "15")], MARK)  # charged today: free
    tally.add("changed", "D", [("retailPrice", "0", "9"), ("compareAtPrice", None, "1"), ("name", "a", "b")], 0)
    tally.add("zeroed", "E", [("inventoryQuantity", 9, 0)], 0)
    tally.add("zeroed", "F", [("inventoryQuantity", -1, 0)], 0)
    tally.add("unchanged", "G", [], 0)

    expected = {"created": 1, "changed": 3, "unchanged": 1, "zeroed": 2, "emptied": 2, "repriced": 1}
    assert (expected, 4 - 5 - 1 - 9 + 1, 5) == (tally.counts, tally.units, tally.cost)
    assert ["B", "E"] == [example["externalId"] for example in tally.examples["emptied"]]


def test_examples_are_bounded_and_numbers_are_not():
    tally = Tally(DAY)
    for number in range(EXAMPLES + 1):
        tally.add("unchanged", str(number), [], 0)

    assert (EXAMPLES + 1, EXAMPLES) == (tally.counts["unchanged"], len(tally.examples["unchanged"]))
