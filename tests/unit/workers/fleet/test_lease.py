"""How long the others hold us for alive."""

from __future__ import annotations

from workers.fleet.lease import Lease


def lease():
    """Return a lease of 5 s, and the list whose last number its clock shows."""
    clock = [100.0]
    return Lease(5.0, lambda: clock[-1]), clock


def test_there_is_none_before_the_first_heartbeat():
    ours, _ = lease()
    assert (False, 0.0) == (ours.held, ours.left_s)


def test_it_counts_from_when_the_heartbeat_was_sent():
    ours, clock = lease()
    ours.renew(98.0)
    assert 3.0 == ours.left_s
    clock.append(102.5)
    assert 0.5 == ours.left_s


def test_one_that_has_run_out_is_still_to_be_given_back():
    ours, clock = lease()
    ours.renew(100.0)
    clock.append(106.0)
    assert (True, 0.0) == (ours.held, ours.left_s)
    ours.end()
    assert not ours.held
