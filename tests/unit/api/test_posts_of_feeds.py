"""What a process remembers of a feed's posts: the newest, each once, and the usual time between them."""

from datetime import timedelta

from ingest.api.shared.conditions import posts_of


def test_the_usual_gap_is_the_median_so_that_one_long_pause_does_not_change_it():
    posts = posts_of([1_000_000.0, 999_940.0, 999_880.0, 500_000.0])
    assert timedelta(seconds=60) == posts.gap


def test_a_post_that_two_looks_found_counts_once_and_the_oldest_are_forgotten():
    posts = posts_of([30.0, 20.0, 20.0, 10.0, *map(float, range(-40, 0))])
    assert [30.0, 20.0, 10.0] == list(posts.came[:3])
    assert 20 == len(posts.came)


def test_a_single_post_has_no_usual_gap():
    assert None is posts_of([10.0]).gap
