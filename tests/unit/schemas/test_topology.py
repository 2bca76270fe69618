"""Which slot and which shard a feed has."""

from itertools import product

import pytest

from schemas.topology import MOST_SHARDS, shard_of, slot_of, slots_of


def test_a_feeds_slot_is_of_its_shard_and_stays_when_the_shards_are_doubled():
    for shards, feed in product(range(1, MOST_SHARDS + 1), (1, 7, 1_000, 123_456_789)):
        assert shard_of(feed, shards) == shard_of(slot_of(feed, shards), shards)
        if 2 * shards <= MOST_SHARDS:
            assert slot_of(feed, shards) == slot_of(feed, 2 * shards)
            assert shard_of(feed, 2 * shards) - shard_of(feed, shards) in {0, shards}


@pytest.mark.parametrize(("shards", "slots"), [(1, 256), (8, 256), (12, 192), (200, 200), (256, 256)])
def test_a_fleet_has_as_many_slots_as_it_can_be_doubled_to(shards, slots):
    assert slots == slots_of(shards)
