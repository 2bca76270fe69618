"""Merging a window's items: one entry a feed variant, later fields over earlier ones, earlier items superseded."""

import uuid
from datetime import date
from zoneinfo import ZoneInfo

from schemas.batches import Batch, Source
from workers.apply.merge import merge
from workers.apply.work import Feed, Work


def work(*items, feed=1):
    batch = Batch(uuid.uuid4(), 1, feed, 0, Source.WEBHOOK, [dict(item) for item in items])
    return Work(batch, Feed(feed, 1, None, ZoneInfo("UTC")), date(2026, 1, 1))


def test_later_fields_win_and_earlier_ones_stay_and_the_last_item_carries_the_outcome():
    first = work({"externalId": "a", "inventoryQuantity": 1, "retailPrice": "2"})
    second = work({"externalId": "b"}, {"externalId": "a", "inventoryQuantity": None})

    entries = merge([first, second])

    assert [0, 1] == [entry.place for entry in entries]
    assert ["a", "b"] == [entry.external_id for entry in entries]
    assert {"externalId": "a", "inventoryQuantity": None, "retailPrice": "2"} == entries[0].item
    assert (second, 1) == (entries[0].work, entries[0].slot)
    assert (["superseded"], ["unchanged", "unchanged"]) == (first.outcomes, second.outcomes)


def test_merging_leaves_the_batch_as_it_was_sent():
    sent = work({"externalId": "a", "vendorSku": "1"}, {"externalId": "a", "vendorSku": "2"})

    merge([sent])

    assert [{"externalId": "a", "vendorSku": "1"}, {"externalId": "a", "vendorSku": "2"}] == sent.batch.items


def test_the_same_external_id_of_two_feeds_is_two_feed_variants():
    assert 2 == len(merge([work({"externalId": "a"}, feed=1), work({"externalId": "a"}, feed=2)]))


def test_entries_are_sorted_by_the_full_key_and_know_where_they_were_named_first():
    entries = merge([work({"externalId": "b"}, {"externalId": "a"}, feed=2), work({"externalId": "c"}, feed=1)])

    assert [("c", 2), ("a", 1), ("b", 0)] == [(entry.external_id, entry.place) for entry in entries]
