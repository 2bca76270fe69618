"""When a feed is due: later than now, each time of the wall clock once, by schedule or by back-off."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ingest.feeds.schedules import (
    Frequency,
    Schedule,
    backoff,
    check_schedule,
    moment_of,
    next_after,
    next_fetch,
)
from schemas.errors import Rejected

NOW = datetime(2026, 5, 4, 10, 20, 30, 500_000, UTC)
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Tehran",
    "Asia/Kathmandu",
)


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


def test_a_fetch_that_ends_in_the_repeated_hour_is_next_due_on_the_next_day():
    now = datetime(2026, 10, 25, 1, 0, 30, tzinfo=UTC)  # 02:00:30 for the second time
    due = next_fetch(Schedule(Frequency.CUSTOM, "45 2 * * *", "Europe/Berlin"), 1, now)
    assert datetime(2026, 10, 26, 1, 45, tzinfo=UTC) == due.replace(second=0)


@st.composite
def crons(draw):
    minute = draw(st.one_of(st.just("*"), st.sampled_from(("*/15", "0,30", "59")), st.integers(0, 59).map(str)))
    hour = draw(st.one_of(st.just("*"), st.sampled_from(("*/2", "1-3", "0,12")), st.integers(0, 23).map(str)))
    return f"{minute} {hour} * * {draw(st.sampled_from(('*', '*', 'sun', '1-5')))}"


SUMMERS = st.sampled_from(
    [
        datetime(2026, 3, 29, 1, tzinfo=UTC),  # Berlin, forward and back
        datetime(2026, 10, 25, 1, tzinfo=UTC),
        datetime(2026, 3, 8, 7, tzinfo=UTC),  # New York
        datetime(2026, 11, 1, 6, tzinfo=UTC),
        datetime(2026, 4, 4, 15, tzinfo=UTC),  # Lord Howe, by half an hour
        datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
        datetime(2011, 12, 30, 10, tzinfo=UTC),  # Apia skips a day
    ]
)
MOMENTS = st.one_of(
    st.datetimes(datetime(2000, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds it
    st.builds(lambda change, seconds: change + timedelta(seconds=seconds), SUMMERS, st.integers(-9_000, 9_000)),
)


@given(crons(), st.sampled_from(ZONES), MOMENTS, st.integers(1, 500))
def test_each_time_of_the_wall_clock_fires_once_and_later_than_now(cron, zone_name, now, feed):
    schedule, zone = Schedule(Frequency.CUSTOM, cron, zone_name), ZoneInfo(zone_name)

    fired = times(schedule, feed, now, 6)

    assert now < fired[0]
    assert fired == sorted(set(fired))
    # The oracle: the first moment of every matching wall-clock time, in a span that takes all of them in.
    spread = fired[0].second
    start = (now - timedelta(days=2)).astimezone(zone).replace(tzinfo=None)
    due = set()
    for wall in CronSim(cron, start):
        moment = moment_of(wall, zone) + timedelta(seconds=spread)
        due.add(moment)
        if moment > fired[-1] + timedelta(days=2):
            break
    assert sorted(moment for moment in due if now < moment <= fired[-1]) == fired


@given(st.sampled_from(ZONES), MOMENTS)
@example("America/New_York", datetime(2026, 11, 1, 6, tzinfo=UTC))  # 1:00 for the second time
def test_the_moment_of_a_wall_clock_time_is_its_first_or_the_jump_over_it(zone_name, near):
    zone = ZoneInfo(zone_name)
    wall = near.astimezone(zone).replace(tzinfo=None, microsecond=0)
    assume(zone_name != "UTC")

    moment = moment_of(wall, zone)

    shown = moment.astimezone(zone).replace(tzinfo=None)
    before = (moment - timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None)
    assert before < wall <= shown
    assert moment <= near


def test_a_time_that_is_skipped_is_due_at_the_jump_itself():
    zone = ZoneInfo("Europe/Berlin")
    assert datetime(2026, 3, 29, 1, tzinfo=UTC) == moment_of(datetime(2026, 3, 29, 2, 59, 59), zone)  # noqa: DTZ001 - a wall clock's


def test_a_cron_time_is_read_in_the_feeds_time_zone():
    due = next_fetch(Schedule(Frequency.CUSTOM, "30 4 * * 1-5", "America/New_York"), 3, NOW)
    assert datetime(2026, 5, 5, 8, 30, tzinfo=UTC) == due.replace(second=0)


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
