"""Waiting before the next try."""

from __future__ import annotations

import pytest

from schemas.backoff import Backoff, delay_s


def test_delays_double_up_to_the_cap():
    backoff = Backoff(first_s=0.5, cap_s=3.0, jitter=lambda: 1.0)
    assert [0.5, 1.0, 2.0, 3.0, 3.0] == [backoff.delay() for _ in range(5)]


def test_jitter_shortens_a_delay_by_up_to_half():
    assert 0.5 == Backoff(first_s=1.0, jitter=lambda: 0.0).delay()


def test_success_begins_again():
    backoff = Backoff(first_s=1.0, jitter=lambda: 1.0)
    backoff.delay()
    backoff.delay()
    backoff.reset()
    assert 1.0 == backoff.delay()


def test_a_long_outage_does_not_overflow():
    backoff = Backoff(jitter=lambda: 1.0)
    assert 2.0 == [backoff.delay() for _ in range(5_000)][-1]


@pytest.mark.parametrize(("jitter", "expected"), [(1, 4.0), (0.5, 3.0), (0, 2.0)])
def test_jitter_leaves_between_half_and_the_whole_of_a_delay(jitter, expected):
    assert expected == delay_s(3, first_s=0.5, cap_s=10, jitter=jitter)
