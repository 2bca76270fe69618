"""The division of shards among workers."""

from __future__ import annotations

import uuid
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from workers.fleet.assign import assign, shards_of

WORKERS = st.lists(st.uuids(), min_size=1, max_size=8, unique=True)


def test_nobody_alive_means_nobody_assigned():
    assert {} == assign([], 8)


@given(WORKERS, st.integers(1, 64))
def test_every_shard_has_one_owner_and_no_worker_more_than_its_share(workers, shards):
    owners = assign(workers, shards)
    assert list(range(shards)) == sorted(owners)
    assert max(Counter(owners.values()).values()) <= -(-shards // len(workers))


@given(WORKERS, st.integers(1, 64), st.randoms())
def test_the_order_and_repetition_of_the_live_list_do_not_matter(workers, shards, random):
    shuffled = [*workers, *workers]
    random.shuffle(shuffled)
    assert assign(workers, shards) == assign(shuffled, shards)


@given(WORKERS, st.integers(1, 64))
def test_the_shares_of_all_workers_are_the_assignment(workers, shards):
    owners = assign(workers, shards)
    assert owners == {s: w for w in workers for s in shards_of(w, workers, shards)}


def test_a_worker_that_is_not_alive_has_no_shards():
    assert frozenset() == shards_of(uuid.UUID(int=9), [uuid.UUID(int=1)], 8)


def test_a_change_of_the_fleet_moves_little_more_than_the_newcomers_share():
    moved = ideal = 0
    for trial in range(100):
        fleet = [uuid.UUID(int=(trial << 64) + (n << 32) + 1) for n in range(5)]
        before, after = assign(fleet[:4], 32), assign(fleet, 32)
        moved += sum(before[shard] != after[shard] for shard in before)
        ideal += sum(owner == fleet[4] for owner in after.values())
    assert ideal <= moved < 1.5 * ideal


def test_a_worker_that_leaves_and_comes_back_finds_the_same_assignment():
    fleet = [uuid.UUID(int=n << 64) for n in range(1, 5)]
    before = assign(fleet, 8)
    assert before != assign(fleet[1:], 8)
    assert before == assign([*fleet[1:], fleet[0]], 8)
