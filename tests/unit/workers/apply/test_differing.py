"""What the compare returns, divided: rows written out of their columns, and the others, which become entries."""

import asyncio
import uuid
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from schemas.batches import Batch, Source, decode
from workers.apply import rows
from workers.apply.admit import charge, purses_of
from workers.apply.differing import NONE, Differing
from workers.apply.merge import merge
from workers.apply.work import Feed, Work

TODAY = date(2026, 3, 8)
YESTERDAY = TODAY - timedelta(days=1)
SHOPS = {number: Feed(number, 1, None, ZoneInfo("UTC")) for number in (1, 2)}


class Row(dict):
    """A row as asyncpg gives it: by name, by number, and its values one after the other."""

    def __getitem__(self, key):
        return list(self.values())[key] if isinstance(key, int) else super().__getitem__(key)

    def __iter__(self):
        return iter(self.values())


def work(*items, feed=1, day=TODAY):
    batch = Batch(uuid.uuid4(), 1, feed, 0, Source.WEBHOOK, [dict(item) for item in items])
    return Work(decode(batch.encode()), SHOPS[feed], day)


def differing(works, stored):
    """Return the lines of a window; `stored` tells what a feed's row of an external id holds (absent: it is new)."""
    sheet = merge(works)
    hashed = sheet.hashed()
    found = []
    for place, (feed, external_id) in enumerate(zip(sheet._feeds(), sheet.ids, strict=True)):
        held = stored.get((feed.id, external_id))
        names = ("id", "place", "charged", *hashed.attributes)
        row = dict.fromkeys(names) if held is None else {"place": f"(0,{place})", **held}
        found.append(Row(n=place + 1, **{name: row[name] for name in names}))
    return Differing(sheet, hashed, found)


ITEM = st.fixed_dictionaries(
    {"externalId": st.sampled_from("abcdef")},
    optional={
        "vendorSku": st.sampled_from([None, "x", "y"]),
        "inventoryQuantity": st.sampled_from([None, 0, 1, 2]),
        "inventoryPolicy": st.sampled_from([None, "track", "deny"]),
    },
)
MARKS = st.sampled_from([0, charge(0, TODAY.toordinal()), charge(0, YESTERDAY.toordinal())])
HELD = st.fixed_dictionaries(
    {
        "id": st.integers(1, 9),
        "charged": MARKS,
        "vendorSku": st.sampled_from([None, "x"]),
        "inventoryQuantity": st.sampled_from([None, 0, 1]),
        "inventoryPolicy": st.sampled_from(["track", "deny"]),
    }
)
KEYS = st.tuples(st.sampled_from([1, 2]), st.sampled_from("abcde"))


def of_entries(entries):
    """Return what is written of entries, by their feeds and external ids: changes, mark, and if they are new."""
    return {
        (entry.work.feed.id, entry.external_id): (
            dict(entry.changes),
            charge(entry.charged, entry.work.ordinal),
            entry.row is None,
        )
        for entry in entries
    }


@given(
    st.lists(st.tuples(st.lists(ITEM, max_size=6), st.sampled_from([1, 2])), max_size=4), st.dictionaries(KEYS, HELD)
)
def test_rows_written_from_columns_and_entries_are_together_what_entries_alone_would_be(sent, stored):
    found = differing([work(*items, feed=feed) for items, feed in sent], stored)
    sheet = found.sheet
    keys = list(zip((feed.id for feed in sheet._feeds()), sheet.ids, strict=True))

    updates = found.updates()
    entries = of_entries(asyncio.run(rows.read_entries(None, found, updates.places)))

    written = {}
    for at, place in enumerate(updates.places):
        before = stored[keys[place]]
        new = {name: column[at] for name, column in updates.columns.items()}
        mark = before["charged"] if updates.charged is None else updates.charged[at]
        written[keys[place]] = ({name: value for name, value in new.items() if value != before[name]}, mark, False)
    everything = of_entries(asyncio.run(rows.read_entries(None, found)))
    assert everything == {**entries, **written}
    assert len(everything) == len(entries) + len(written)
    assert set(written) == {
        key for key, (changes, _, new) in everything.items() if not new and "vendorSku" not in changes
    }
    wanted = sum(purse.wanted for purse in purses_of([], updates.wanted))
    assert wanted == sum(written[key][1] != stored[key]["charged"] for key in written)


def test_only_what_changes_is_written_and_a_mark_only_where_a_row_is_charged():
    held = {"charged": charge(0, TODAY.toordinal()), "inventoryQuantity": 1, "vendorSku": "x"}
    stored = {(1, "a"): {"id": 7, **held}, (1, "b"): {"id": 8, **held, "inventoryQuantity": 2}}
    sent = work(*({"externalId": name, "vendorSku": "x", "inventoryQuantity": 2} for name in "ab"))

    updates = differing([sent], stored).updates()

    assert ([0], (7,), {"inventoryQuantity": [2]}, None, []) == (
        updates.places,
        updates.ids,
        updates.columns,
        updates.charged,
        updates.wanted,
    )


def test_rows_that_come_in_another_order_are_those_of_their_lines():
    stored = {(feed, name): {"id": feed, "charged": 0, "inventoryQuantity": 1} for feed in (1, 2) for name in "ab"}
    items = [{"externalId": name, "inventoryQuantity": 5} for name in "ab"]
    found = differing([work(*items, feed=2), work(*items, feed=1)], stored)

    updates = Differing(found.sheet, found.hashed, found.rows[::-1]).updates()

    assert (1, 1, 2, 2) == updates.ids
    assert [(1, 2), (2, 2)] == [(of.feed.id, number) for of, number in updates.wanted]


def test_a_feed_with_batches_of_two_days_is_left_to_entries():
    stored = {(1, name): {"id": 1, "charged": 0, "inventoryQuantity": 1} for name in "ab"}
    works = [
        work({"externalId": name, "inventoryQuantity": 2}, day=day)
        for name, day in zip("ab", (YESTERDAY, TODAY), strict=True)
    ]

    assert NONE == differing(works, stored).updates()
