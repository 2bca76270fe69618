"""Which shard applies a feed, at every moment of a doubling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.agreement import is_doubled
from schemas.division import Division, end_message, end_of


@given(st.data())
def test_at_every_moment_a_feed_is_of_one_open_shard_and_none_else(data):
    half = data.draw(st.integers(1, 128))
    division = Division(2 * half, frozenset(data.draw(st.sets(st.integers(half, 2 * half - 1)))))
    feed = data.draw(st.integers(1, 2**63))

    owners = [shard for shard in division.open if feed % division.modulus_of(shard) == shard]

    assert [division.shard_of(feed)] == owners
    assert division.shard_of(feed) in {feed % half, feed % half + half}


def test_the_marker_is_told_from_everything_else():
    assert 16 == end_of(end_message(16))
    assert [None] * 4 == [end_of(body) for body in (b'{"v":1}', b'{"end":"x"}', b'{"end":16', b'{"end":1,"a":2}')]


@pytest.mark.parametrize(
    ("began", "agreed", "expected"),
    [
        *((8, 8, True), (8, 16, True), (8, 64, True), (8, 24, False), (8, 4, False), (12, 24, True), (9, 8, False)),
        *((4, 8, True), (4, 6, False), (4, 12, False), (4, 2, False), (6, 6, True)),
    ],
)
def test_a_fleet_that_was_doubled_is_known_by_the_number_it_began_with(began, agreed, expected):
    assert expected is is_doubled(began, agreed)
