"""Changes are read as they were written, in columns or, by older workers, a record each."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from schemas.change_records import Group, Record, decode, encode

FACTS = st.tuples(
    st.integers(0, 49), st.integers(1, 99), st.text(max_size=3), st.none() | st.just(7), st.none() | st.just(8)
)
VALUES = st.none() | st.integers(-3, 3) | st.sampled_from(["9.5", "track", ""])


@st.composite
def groups(draw):
    names = draw(st.lists(st.sampled_from(["vendorSku", "inventoryQuantity", "variantId"]), unique=True))
    facts = draw(st.lists(FACTS, min_size=1, max_size=4, unique_by=lambda fact: fact[0]))
    values = [draw(st.lists(VALUES, min_size=2 * len(names), max_size=2 * len(names))) for _ in facts]
    rows = [(*fact, *more) for fact, more in zip(facts, values, strict=True)]
    action, detailed = draw(st.sampled_from(["created", "updated", "deleted"])), draw(st.booleans())
    return Group(action, detailed, names, list(map(list, zip(*rows, strict=True)))), rows


@given(st.lists(groups(), max_size=3))
def test_a_record_has_what_its_columns_had_but_attributes_that_stayed_null(made):
    expected = []
    for group, rows in made:
        for index, id_, external_id, variant_id, previous, *values in rows:
            changes = zip(group.attributes, values[::2], values[1::2], strict=True)
            told = [(name, old, new) for name, old, new in changes if (old, new) != (None, None)]
            head = (index, id_, external_id, variant_id, group.action, group.details_changed, previous)
            expected.append(Record(*head, told))

    assert expected == decode(encode([group for group, _ in made]))


def test_what_is_the_same_of_all_is_written_once():
    columns = [[0, 1], [5, 6], ["a", "b"], [None, None], [4096, 4096], [2, 2], [3, 3]]

    stored = encode([Group("updated", False, ["inventoryQuantity"], columns)])

    assert [["updated", False, ["inventoryQuantity"], [0, 1], [5, 6], ["a", "b"], None, 4096, 2, 3]] == orjson.loads(
        stored
    )


def test_records_of_older_workers_are_read():
    records = [[3, 1, "a", None, "updated", False, 4096, "inventoryQuantity", 2, 3]]

    assert [Record(3, 1, "a", None, "updated", False, 4096, [("inventoryQuantity", 2, 3)])] == decode(
        orjson.dumps(records)
    )
