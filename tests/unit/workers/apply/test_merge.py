"""Merging a window's items: one entry a feed variant, later fields over earlier ones, earlier items superseded."""

import uuid
from datetime import date
from zoneinfo import ZoneInfo

from schemas.batches import Batch, Source, decode
from workers.apply.merge import merge
from workers.apply.work import Feed, Work


def work(*items, feed=1):
    batch = Batch(uuid.uuid4(), 1, feed, 0, Source.WEBHOOK, [dict(item) for item in items])
    return Work(decode(batch.encode()), Feed(feed, 1, None, ZoneInfo("UTC")), date(2026, 1, 1))


def test_later_fields_win_and_earlier_ones_stay_and_the_last_item_carries_the_outcome():
    first = work({"externalId": "a", "inventoryQuantity": 1, "retailPrice": "2"})
    second = work({"externalId": "b"}, {"externalId": "a", "inventoryQuantity": None})

    entries = merge([first, second]).entries()

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
    sheet = merge([work({"externalId": "b"}, {"externalId": "a"}, feed=2), work({"externalId": "c"}, feed=1)])
    entries = sheet.entries()

    assert [("c", 2), ("a", 1), ("b", 0)] == [(entry.external_id, entry.place) for entry in entries]
    assert ("{1,1,1}", "{1,2,2}", '{"c","a","b"}') == sheet.keys()


def test_an_empty_batch_has_no_line_and_moves_no_other_one():
    sent = work({"externalId": "a"}, {"externalId": "b"})

    entries = merge([work(feed=2), sent, work(), work({"externalId": "c"})]).entries()

    assert [("a", 0), ("b", 1), ("c", 0)] == [(entry.external_id, entry.slot) for entry in entries]
    assert [sent, sent] == [entry.work for entry in entries[:2]]


def test_what_was_deferred_lies_under_the_item_and_is_done_unless_it_is_left():
    shop = Feed(1, 1, None, ZoneInfo("UTC"), has_deferred=True)
    sent = work({"externalId": "b", "vendorSku": "new"}, {"externalId": "a"}, {"externalId": "b"}, {"externalId": "c"})
    sent.feed = shop
    sheet = merge([sent, work({"externalId": "a"}, feed=2)])

    assert [0, 1, 2] == sheet.where_deferred()
    sheet.put_under(1, {"vendorSku": "old", "inventoryQuantity": 5})
    sheet.put_under(2, {"vendorSku": "c"})

    entries = sheet.entries()
    assert [False, True, True, False] == [entry.was_deferred for entry in entries]
    assert {"externalId": "b", "vendorSku": "new", "inventoryQuantity": 5} == entries[1].item
    assert ["b", "c"] == sheet.done([]).ids
    assert ["c"] == sheet.done(entries[:2]).ids
    part = sheet.part([1, 3])
    assert ([entries[1].item, {"externalId": "a"}], [True, False]) == (
        [entry.item for entry in part.entries()],
        [entry.was_deferred for entry in part.entries()],
    )
    assert ("{1,1}", "{1,2}", '{"b","a"}') == part.keys()
