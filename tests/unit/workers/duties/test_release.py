"""Which deferred items are released, and as what batches."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from schemas.batches import Operation, Source, is_ours
from workers.duties.release import Deferred, Room, plan

KEY = b"k" * 32
DAY = date(2026, 3, 1)


def line(count, feed_of=lambda _: 1):
    return [Deferred(feed_of(n), f"sku {n}", n) for n in range(count)]


def test_an_account_without_room_releases_nothing():
    assert [] == plan(Room(1, DAY, limit=10, used=10), line(5), 0, KEY)
    assert [] == plan(Room(1, DAY, limit=5, used=10), line(5), 0, KEY)


def test_the_oldest_are_released_as_far_as_there_is_room():
    [batch] = plan(Room(1, DAY, limit=10, used=7), line(5), 1_000, KEY)
    assert [{"externalId": "sku 0"}, {"externalId": "sku 1"}, {"externalId": "sku 2"}] == batch.items
    assert (Operation.RELEASE, Source.RELEASE, 1_000) == (batch.operation, batch.source, batch.received_ms)
    assert is_ours(batch.batch_id, 1, [KEY])


def test_an_unlimited_account_releases_all():
    assert [50, 50, 20] == [len(batch.items) for batch in plan(Room(1, DAY, None, 99), line(120), 0, KEY)]


def test_the_same_release_has_the_same_id_whoever_plans_it():
    room = Room(1, DAY, limit=100, used=0)
    assert [b.batch_id for b in plan(room, line(70), 0, KEY)] == [b.batch_id for b in plan(room, line(70), 9, KEY)]


def test_another_day_or_another_limit_is_another_release():
    ids = {
        plan(room, line(3), 0, KEY)[0].batch_id
        for room in (
            Room(1, DAY, 100, 0),
            Room(1, date(2026, 3, 2), 100, 0),
            Room(1, DAY, 101, 0),
            Room(1, DAY, None, 0),
        )
    }
    assert 4 == len(ids)


@given(st.integers(0, 300), st.integers(0, 300), st.integers(1, 5))
def test_every_release_is_of_one_feed_oldest_first_and_all_together_fit(count, room, feeds):
    batches = plan(Room(1, DAY, room, 0), line(count, lambda n: n % feeds + 1), 0, KEY)
    released = [(batch.feed_id, item["externalId"]) for batch in batches for item in batch.items]
    assert {(n % feeds + 1, f"sku {n}") for n in range(min(count, room))} == set(released)
    assert len(released) == len(set(released))
    for feed in range(1, feeds + 1):
        order = [int(name.split()[1]) for feed_id, name in released if feed_id == feed]
        assert sorted(order) == order
    assert all(1 <= len(batch.items) <= 50 for batch in batches)
