"""A process holds a bounded number of posts and bytes, and one feed's flood leaves room for the others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.edge.places import Places
from ingest.http.problems import ProblemError


def taken(places, feed, size, number):
    """Take up to so many places; returns those that were given."""
    given_ = []
    for _ in range(number):
        try:
            given_.append(places.take(feed, size))
        except ProblemError:
            break
    return given_


@pytest.mark.parametrize(("posts", "size"), [(100, 0), (10_000, 10)])
def test_one_feed_alone_gets_half_and_leaves_the_rest_to_others(posts, size):
    places = Places(posts, 1_000)

    flood = taken(places, 1, size, 200)
    others = [taken(places, feed, size, 5) for feed in range(2, 12)]

    assert 50 == len(flood)
    assert [5] * 10 == [len(mine) for mine in others]
    assert [] == taken(places, 99, size or 1, 1) or posts > 1_000
    flood.pop().leave()
    assert 1 == len(taken(places, 99, size, 1))


def test_who_finds_no_room_is_told_to_come_again():
    with pytest.raises(ProblemError) as caught:
        Places(0, 1_000).take(1, 1)

    assert (503, "edge.busy", "1") == (caught.value.status, caught.value.code, caught.value.headers["Retry-After"])


def test_bytes_that_turn_out_to_be_more_are_counted_before_they_are_held():
    places = Places(100, 1_000)
    place = places.take(1, 100)

    place.hold(500)
    with pytest.raises(ProblemError):
        place.hold(501)
    assert 500 == places.bytes
    place.hold(10)
    assert 10 == places.bytes
    place.leave()
    assert (0, 0) == (places.posts, places.bytes)


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 400), st.integers(0, 600), st.booleans()), max_size=60))
def test_over_any_history_no_bound_is_passed_and_all_that_is_taken_comes_back(history):
    places, held = Places(12, 1_000), []
    for feed, size, then, leaves in history:
        try:
            place = places.take(feed, size)
            held.append(place)
            place.hold(then)
        except ProblemError:
            pass
        if leaves and held:
            held.pop(0).leave()
        assert places.posts == len(held) <= 12
        assert 0 <= places.bytes <= 1_000
    for place in held:
        place.leave()
    assert (0, 0, {}, {}) == (places.posts, places.bytes, places._posts_of, places._bytes_of)
