"""How long the supervisor waits before it starts a child again."""

from __future__ import annotations

from deploy.local.supervise import LONGEST_DELAY_S, delay_s


def test_the_wait_doubles_from_a_quarter_second_up_to_its_cap():
    assert [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0] == [delay_s(failures) for failures in range(1, 9)]


def test_the_wait_of_a_child_that_never_starts_stays_at_the_cap():
    assert LONGEST_DELAY_S == delay_s(1_000_000)
