"""The account's day and when it ends, over clock changes; usage as senders see it."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.usage import UnknownZone, Usage, account_day, resets_at, zone

ZONES = ["UTC", "America/New_York", "Africa/Cairo", "America/Havana", "Asia/Kathmandu", "Pacific/Apia"]


@pytest.mark.parametrize(
    ("name", "at", "day"),
    [
        ("UTC", datetime(2026, 3, 8, 23, 59, 59, tzinfo=UTC), date(2026, 3, 8)),
        ("America/New_York", datetime(2026, 3, 8, 4, 59, tzinfo=UTC), date(2026, 3, 7)),
        ("America/New_York", datetime(2026, 3, 9, 4, 0, tzinfo=UTC), date(2026, 3, 9)),
        ("Asia/Kathmandu", datetime(2026, 3, 8, 18, 15, tzinfo=UTC), date(2026, 3, 9)),
    ],
)
def test_a_day_is_that_of_the_account(name, at, day):
    assert day == account_day(int(at.timestamp() * 1000), zone(name))


@given(
    st.sampled_from(ZONES),
    st.datetimes(datetime(2011, 12, 28), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_the_day_ends_just_when_its_successor_begins(name, at):
    day = account_day(int(at.timestamp() * 1000), zone(name))

    end_ms = int(resets_at(day, zone(name)).timestamp() * 1000)

    assert end_ms > int(at.timestamp() * 1000)
    assert account_day(end_ms - 1, zone(name)) == day
    assert account_day(end_ms, zone(name)) > day


def test_usage_says_what_remains_and_when_it_resets():
    assert {
        "day": "2026-03-08",
        "timeZone": "America/New_York",
        "limit": 10,
        "used": 12,
        "deferred": 3,
        "remaining": 0,
        "resetsAt": "2026-03-09T04:00:00Z",
    } == Usage(date(2026, 3, 8), "America/New_York", 10, 12, 3).as_json()


def test_without_a_limit_nothing_remains_to_be_told():
    assert Usage(date(2026, 3, 8), "UTC", None, 12).remaining is None


def test_a_zone_that_this_machine_does_not_know_is_an_error_that_names_it():
    with pytest.raises(UnknownZone, match="Mars/Olympus"):
        zone("Mars/Olympus")
