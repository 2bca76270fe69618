"""Turns: how many windows of one worker are with Postgres at a time."""

from __future__ import annotations

from workers.shard.turns import LONGEST_S, Turns


class Timers:
    """Calls that were put off, until the test lets the time pass."""

    def __init__(self):
        self.calls = []

    def later(self, seconds, call):
        assert seconds == LONGEST_S
        timer = Timer(self, call)
        self.calls.append(timer)
        return timer

    def pass_by(self):
        calls, self.calls = self.calls, []
        for timer in calls:
            timer.call()


class Timer:
    def __init__(self, timers, call):
        self.timers, self.call = timers, call

    def cancel(self):
        self.timers.calls.remove(self)


def rig(places, shards):
    timers, woken = Timers(), []
    turns = Turns(places, timers.later)
    return timers, woken, [turns.of(lambda shard=shard: woken.append(shard)) for shard in range(shards)]


def test_as_many_windows_go_as_there_are_places_and_the_others_stand_in_line():
    _, woken, turns = rig(2, 4)
    assert [True, True, False, False] == [turn.take() for turn in turns]
    assert [False, False, True, True] == [turn.waits for turn in turns]
    assert [] == woken


def test_a_turn_that_is_given_back_goes_to_who_stood_in_line_first():
    _, woken, (first, second, third) = rig(1, 3)
    assert [True, False, False] == [turn.take() for turn in (first, second, third)]
    first.leave()
    assert [1] == woken
    assert not first.take(), "who had a turn stands at the end of the line"
    assert second.take()
    second.leave()
    assert [1, 2] == woken
    assert third.take()


def test_who_takes_twice_holds_one_turn_and_has_one_place_in_line():
    _, woken, (first, second) = rig(1, 2)
    assert first.take()
    assert first.take()
    assert not second.take()
    assert not second.take()
    first.leave()
    assert [1] == woken
    assert second.take()
    second.leave()
    assert first.take()


def test_a_turn_that_lasts_too_long_holds_nobody_up_and_is_no_place_more_when_it_ends():
    timers, woken, (slow, second, third) = rig(1, 3)
    assert slow.take()
    assert not second.take()
    timers.pass_by()
    assert [1] == woken
    assert second.take()
    slow.leave()
    assert not third.take(), "the place of the slow one was given on already"


def test_who_leaves_the_line_is_not_called_and_costs_no_place():
    timers, woken, (first, second, third) = rig(1, 3)
    assert first.take()
    assert not second.take()
    assert not third.take()
    second.leave()
    first.leave()
    assert [2] == woken
    assert third.take()
    third.leave()
    assert [] == timers.calls
    assert second.take()
