"""Decisions about runs: when a feed is due, how it backs off, what the guard holds, how a run ends."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from ingest.feeds.runs import (
    FileFacts,
    Frequency,
    Held,
    RunStatus,
    Schedule,
    backoff,
    check_schedule,
    disable_reason,
    final_status,
    fingerprint,
    guard,
    next_after,
    next_fetch,
    seal,
)
from schemas.errors import Rejected

NOW = datetime(2026, 5, 4, 10, 20, 30, 500_000, UTC)


def times(schedule, feed_id, start, count):
    found = []
    for _ in range(count):
        start = next_fetch(schedule, feed_id, start)
        found.append(start)
    return found


@pytest.mark.parametrize("frequency", [Frequency.NEVER, Frequency.WEBHOOK])
def test_a_feed_that_is_not_fetched_by_itself_is_never_due(frequency):
    assert None is next_fetch(Schedule(frequency), 7, NOW)


def test_an_hourly_feed_is_due_once_an_hour_at_its_own_offset():
    first, second, third = times(Schedule(Frequency.HOURLY), 7, NOW, 3)
    assert NOW < first <= NOW + timedelta(hours=1)
    assert [timedelta(hours=1)] * 2 == [second - first, third - second]


@pytest.mark.parametrize("frequency", [Frequency.HOURLY, Frequency.DAILY])
def test_feeds_are_spread_over_their_period(frequency):
    due = {next_fetch(Schedule(frequency), feed, NOW) for feed in range(200)}
    assert 150 < len(due)


def test_a_daily_feed_keeps_its_local_time_when_clocks_change():
    schedule = Schedule(Frequency.DAILY, time_zone="Europe/Berlin")
    due = times(schedule, 11, datetime(2026, 3, 27, 12, tzinfo=UTC), 4)
    assert 1 == len({moment.astimezone(ZoneInfo("Europe/Berlin")).time() for moment in due})
    assert [timedelta(hours=24), timedelta(hours=23)] == sorted({b - a for a, b in pairwise(due)}, reverse=True)


def test_a_cron_time_that_clocks_skip_is_due_right_after_the_jump():
    schedule = Schedule(Frequency.CUSTOM, "30 2 * * *", "Europe/Berlin")
    due = next_fetch(schedule, 1, datetime(2026, 3, 29, 0, 0, tzinfo=UTC))
    assert datetime(2026, 3, 29, 1, 0, tzinfo=UTC) == due.replace(second=0)  # 03:00 in summer time


def test_a_cron_time_that_clocks_repeat_is_due_once():
    schedule = Schedule(Frequency.CUSTOM, "30 2 * * *", "Europe/Berlin")
    due = times(schedule, 1, datetime(2026, 10, 24, 12, tzinfo=UTC), 2)
    assert [datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 26, 1, 30, tzinfo=UTC)] == [
        moment.replace(second=0) for moment in due
    ]


def test_a_cron_time_is_read_in_the_feeds_time_zone():
    due = next_fetch(Schedule(Frequency.CUSTOM, "30 4 * * 1-5", "America/New_York"), 3, NOW)
    assert datetime(2026, 5, 5, 8, 30, tzinfo=UTC) == due.replace(second=0)


def test_the_next_time_is_always_later_than_now():
    schedule = Schedule(Frequency.CUSTOM, "* * * * *")
    due = next_fetch(schedule, 5, NOW)
    assert due < next_fetch(schedule, 5, due) == due + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (Schedule(Frequency.CUSTOM, None), "needs fetchCron"),
        (Schedule(Frequency.CUSTOM, "61 * * * *"), "cron expression"),
        (Schedule(Frequency.CUSTOM, "* * * * * *"), "five fields"),
        (Schedule(Frequency.CUSTOM, "0 0 30 2 *"), "cron expression"),
        (Schedule(Frequency.HOURLY, None, "Mars/Olympus"), "time zone"),
        (Schedule(Frequency.HOURLY, None, "../etc/passwd"), "time zone"),
    ],
)
def test_a_schedule_that_cannot_work_is_refused_in_words(schedule, words):
    with pytest.raises(Rejected, match=words):
        check_schedule(schedule)


def test_back_off_doubles_up_to_six_hours_and_is_stable():
    waits = [backoff(failures, 9) for failures in range(1, 12)]
    assert waits == [backoff(failures, 9) for failures in range(1, 12)]
    assert timedelta(minutes=3) < waits[0] <= timedelta(minutes=5)
    assert max(waits) <= timedelta(hours=6)
    assert timedelta(hours=4) < waits[-1]


def test_a_failing_feed_waits_for_its_back_off_and_one_that_never_runs_by_itself_for_nobody():
    assert next_fetch(Schedule(), 9, NOW) == next_after(Schedule(), 9, NOW, 0)
    assert NOW + backoff(2, 9) == next_after(Schedule(), 9, NOW, 2)
    assert None is next_after(Schedule(Frequency.NEVER), 9, NOW, 2)


def test_a_feed_is_disabled_after_days_without_a_usable_file():
    since = NOW - timedelta(days=7)
    assert None is disable_reason(None, NOW, 7, "404")
    assert None is disable_reason(since + timedelta(minutes=1), NOW, 7, "404")
    assert "no usable file since 2026-04-27 10:20 UTC (7 days): 404" == disable_reason(since, NOW, 7, "404")


@pytest.mark.parametrize(
    ("facts", "last_rows", "code"),
    [
        (FileFacts(90, 10, 10, declared_bytes=100), None, "short"),
        (FileFacts(90, 10, 10, complete=False, incomplete_reason="no </rss>"), None, "truncated"),
        (FileFacts(0, 0, 0), None, "empty"),
        (FileFacts(90, 10, 0), None, "unusable"),
        (FileFacts(90, 69, 69), 100, "fewer_rows"),
        (FileFacts(90, 70, 70), 100, None),
        (FileFacts(90, 1, 1), None, None),
        (FileFacts(90, 500, 1), 100, None),
        (FileFacts(100, 10, 10, declared_bytes=100), 10, None),
    ],
)
def test_the_guard_holds_what_cannot_be_the_whole_file(facts, last_rows, code):
    held = guard(facts, last_rows, 0.3)
    assert code == (held.code if held else None)


def test_the_guard_says_what_it_saw():
    expected = Held("fewer_rows", "50 rows, 50 % fewer than the 100 of the last run (allowed: 30 %)")
    assert expected == guard(FileFacts(1, 50, 50), 100, 0.3)


@pytest.mark.parametrize(
    ("rejected", "counts", "late", "status"),
    [
        (0, {"created": 3}, 0, RunStatus.SUCCEEDED),
        (1, {"created": 3}, 0, RunStatus.PARTIAL),
        (0, {"created": 3, "dead": 1}, 0, RunStatus.PARTIAL),
        (0, {"rejected": 3}, 0, RunStatus.PARTIAL),
        (0, {"deferred": 3}, 0, RunStatus.SUCCEEDED),
        (0, {"created": 3}, 1, RunStatus.PARTIAL),
    ],
)
def test_a_run_is_partial_when_anything_of_it_was_not_applied(rejected, counts, late, status):
    assert status == final_status(rejected, counts, late)


def test_the_fingerprint_follows_the_content_and_the_settings():
    assert fingerprint("a", seal(b"{}")) == fingerprint("a", seal(b"{}"))
    assert 3 == len({fingerprint("a", seal(b"{}")), fingerprint("b", seal(b"{}")), fingerprint("a", seal(b"[]"))})
