"""New rows out of columns hold, charge and connect what their entries would, one by one."""

import uuid
from datetime import date
from zoneinfo import ZoneInfo

import orjson
from hypothesis import given
from hypothesis import strategies as st

from schemas.batches import Batch, Source, decode
from schemas.comparison import details_over
from workers.apply import compare
from workers.apply.admit import charge
from workers.apply.connect import Rule, candidate, choose
from workers.apply.differing import Differing
from workers.apply.inserts import NONE, inserts_of
from workers.apply.merge import merge
from workers.apply.work import Feed, Work

DAYS = [date(2026, 3, 8), date(2026, 3, 9)]
FEEDS = {
    1: Feed(1, 1, None, ZoneInfo("UTC"), connects=True, connects_by_barcode=True),
    2: Feed(2, 1, None, ZoneInfo("UTC"), connects=True, ignores_sku_case=True),
    3: Feed(3, 2, None, ZoneInfo("UTC")),
}
TEXTS = st.sampled_from([None, "", "x", "y"])
ITEMS = st.fixed_dictionaries(
    {"externalId": st.sampled_from("abcdef")},
    optional={
        "vendorSku": TEXTS,
        "barcode": TEXTS,
        "inventoryQuantity": st.sampled_from([None, 0, 1]),
        "inventoryPolicy": st.sampled_from([None, "track", "deny"]),
        "name": TEXTS,
        "grams": st.sampled_from([None, "0", "5"]),
        "tags": st.sampled_from([None, [], [0, False], ["ü"]]),
    },
)
BATCHES = st.lists(
    st.tuples(st.lists(ITEMS, min_size=1, max_size=6), st.sampled_from([1, 2, 3])), min_size=1, max_size=4
)
MATCHES = st.dictionaries(
    st.tuples(st.sampled_from(Rule), st.sampled_from([1, 2]), st.sampled_from("xy")),
    st.sampled_from([[7], [8, 9]]),
)


def differing(batches, stored=(), days=(DAYS[0],) * 4):
    """Return the lines of a window of (items, feed id), of which those `stored` have a row, of other values."""
    works = []
    for (items, feed), day in zip(batches, days, strict=False):
        batch = Batch(uuid.uuid4(), FEEDS[feed].account_id, feed, 0, Source.WEBHOOK, [dict(item) for item in items])
        works.append(Work(decode(batch.encode()), FEEDS[feed], day))
    sheet = merge(works)
    rows = [(place + 1, 5 if external_id in stored else None) for place, external_id in enumerate(sheet.ids)]
    return Differing(sheet, sheet.hashed(), rows)


@given(BATCHES, st.sets(st.sampled_from("abcdef")), MATCHES)
def test_new_rows_are_what_their_entries_would_become(batches, stored, matches):
    found = differing(batches, stored)
    entries = found.sheet.entries(found.new_places())
    attributes, details = found.hashed.attributes, [details_over({}, entry.item) for entry in entries]

    made = inserts_of(found)

    assert [entry.external_id for entry in entries] == made.sheet.ids
    assert [compare.initial(entry.item, attributes) for entry in entries] == [
        {name: made.columns[name][place] for name in attributes} for place in range(len(made))
    ]
    assert details == [None if text is None else orjson.loads(text) for text in made.details]
    assert [charge(0, entry.work.ordinal) for entry in entries] == list(made.marks)
    assert len(entries) == sum(number for _, number in made.wanted)
    wanting = [candidate(entry, entry.item) for entry in entries]
    assert {asked for each in wanting if each for asked in each.asked} == made.lines.asked()
    assert [choose(each.asked if each else [], matches) for each in wanting] == list(made.lines.choose(matches))


def test_a_feed_with_batches_of_two_days_has_none_because_each_is_charged_to_its_own():
    batches = [([{"externalId": "a"}], 1), ([{"externalId": "b"}], 1)]

    assert NONE is inserts_of(differing(batches, days=DAYS))
    assert ["a", "b"] == inserts_of(differing(batches)).sheet.ids
