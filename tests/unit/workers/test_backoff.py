"""Waiting before the next try."""

from __future__ import annotations

from workers.backoff import Backoff


def test_delays_double_up_to_the_cap():
    backoff = Backoff(first_s=0.5, cap_s=3.0, chance=lambda: 0.0)
    assert [0.5, 1.0, 2.0, 3.0, 3.0] == [backoff.delay() for _ in range(5)]


def test_chance_shortens_a_delay_by_up_to_half():
    assert 0.5 == Backoff(first_s=1.0, chance=lambda: 1.0).delay()


def test_success_begins_again():
    backoff = Backoff(first_s=1.0, chance=lambda: 0.0)
    backoff.delay()
    backoff.delay()
    backoff.reset()
    assert 1.0 == backoff.delay()


def test_a_long_outage_does_not_overflow():
    backoff = Backoff(chance=lambda: 0.0)
    assert 2.0 == [backoff.delay() for _ in range(5_000)][-1]
