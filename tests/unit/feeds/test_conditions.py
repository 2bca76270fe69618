"""How a feed is doing: one word, by rule."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ingest.feeds.conditions import Condition, Facts, judge, period_of
from ingest.feeds.schedules import Frequency, Schedule

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
PULLED = Facts(pulled=True, enabled=True, schedule=Schedule(Frequency.HOURLY), last_good_at=NOW)
PUSHED = Facts(pulled=False, enabled=True, schedule=Schedule(Frequency.NEVER), last_good_at=NOW)


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [(59, Condition.ON_TIME), (64, Condition.ON_TIME), (66, Condition.LATE), (124, Condition.LATE),
     (126, Condition.OVERDUE)],
)  # fmt: skip
def test_an_hourly_feed_is_late_after_one_hour_without_a_good_run_and_overdue_after_two(minutes, expected):
    assert expected is judge(replace(PULLED, last_good_at=NOW - timedelta(minutes=minutes)), NOW).condition


def test_a_custom_schedule_is_late_by_its_own_period():
    weekdays = Schedule(Frequency.CUSTOM, "0 6 * * *", "Europe/Berlin")
    assert timedelta(days=1) == period_of(weekdays, NOW)
    late = replace(PULLED, schedule=weekdays, last_good_at=NOW - timedelta(hours=26))
    assert Condition.LATE is judge(late, NOW).condition


def test_what_is_wrong_comes_before_what_is_late_and_disabled_before_all():
    old = replace(PULLED, last_good_at=NOW - timedelta(days=9))
    held = replace(old, last_status="held", error="30 % fewer rows")
    failing = replace(old, failing_since=NOW - timedelta(days=1), error="answered 401")
    assert (Condition.HELD, "30 % fewer rows") == (judge(held, NOW).condition, judge(held, NOW).reason)
    judged = judge(failing, NOW)
    assert (Condition.FAILING, "answered 401", NOW - timedelta(days=1)) == (
        judged.condition, judged.reason, judged.since,
    )  # fmt: skip
    assert Condition.DISABLED is judge(replace(held, enabled=False), NOW).condition


def test_a_feed_that_is_fetched_on_request_is_never_late():
    on_request = replace(PULLED, schedule=Schedule(Frequency.NEVER), last_good_at=NOW - timedelta(days=90))
    assert Condition.ON_REQUEST is judge(on_request, NOW).condition


@pytest.mark.parametrize(
    ("gap", "minutes", "expected"),
    [(60, 179, Condition.ON_TIME), (60, 181, Condition.SILENT), (1, 29, Condition.ON_TIME), (1, 31, Condition.SILENT),
     (None, 9_999, Condition.ON_TIME)],
)  # fmt: skip
def test_a_push_feed_is_silent_after_three_times_its_usual_gap_of_ten_minutes_at_least(gap, minutes, expected):
    usual = None if gap is None else timedelta(minutes=gap)
    facts = replace(PUSHED, usual_gap=usual, last_good_at=NOW - timedelta(minutes=minutes))
    assert expected is judge(facts, NOW).condition


def test_a_feed_that_nothing_came_from_is_new():
    assert [Condition.NEW] * 2 == [
        judge(replace(facts, last_good_at=None), NOW).condition for facts in (PULLED, PUSHED)
    ]
