"""How far a day's limit lasts, by how the same weekdays went on."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ingest.feeds.usage_forecast import (
    STEP,
    Release,
    Suppose,
    begins_at,
    curve_of,
    forecast,
    reference_days,
    releases,
    sentence,
    supposed,
)

BERLIN = ZoneInfo("Europe/Berlin")
DAY = date(2026, 11, 26)  # a Thursday
BEGIN = begins_at(DAY, BERLIN)
NOON = BEGIN + timedelta(hours=12)


def straight(end):
    """A day whose use grows by the same in each of its 96 steps."""
    return [end * (step + 1) // 96 for step in range(96)]


def test_a_forecast_is_made_by_the_last_same_weekdays():
    days = [DAY - timedelta(days=back) for back in range(40)]
    expected = [DAY - timedelta(weeks=week) for week in (1, 2, 3, 4)]
    assert expected == reference_days(days, DAY)


def test_with_few_same_weekdays_all_days_of_two_weeks_stand_in():
    assert 10 == len(reference_days([DAY - timedelta(days=back) for back in range(11)], DAY))


@pytest.mark.parametrize("known", [0, 1, 6])
def test_below_seven_days_there_is_no_forecast_and_the_sentence_says_so(known):
    assert [] == reference_days([DAY - timedelta(days=back) for back in range(1, known + 1)], DAY)
    assert "No forecast yet: it needs 7 days of data" == sentence(None, 10, 100, BERLIN)


def test_the_limit_is_reached_when_the_scaled_median_crosses_it_and_the_band_is_of_the_days():
    curves = [straight(19_200), straight(28_800), straight(38_400)]
    told = forecast(12_000, 20_000, curves, BEGIN, NOON)
    # each day passes through 12,000 at noon, so all grow by 1,000 an hour
    assert (BEGIN + timedelta(hours=20), (24_000, 24_000, 24_000), 4_000) == (told.reached_at, told.by_end, told.over)
    text = "20,000 reached about 20:00 (20:00 to 20:00); then about 4,000 items wait until midnight, Europe/Berlin"
    assert text == sentence(told, 12_000, 20_000, BERLIN)


def test_the_band_is_between_the_day_that_ended_early_and_the_one_that_came_late():
    flat = [*straight(20_000)[:48], *[10_000] * 48]
    steep = [*straight(20_000)[:48], *[10_000 + 500 * (step + 1) for step in range(48)]]
    told = forecast(10_000, 15_000, [flat, straight(20_000), steep], BEGIN, NOON)
    assert (20_000, 10_000, 34_000) == told.by_end
    assert (BEGIN + timedelta(hours=18), BEGIN + timedelta(hours=14, minutes=30), None) == (
        told.reached_at, told.earliest_at, told.latest_at,
    )  # fmt: skip
    assert "15,000 reached about 18:00 (14:30 to not today)" in sentence(told, 10_000, 15_000, BERLIN)


def test_another_limit_a_pause_and_what_is_used_at_once_change_the_rest_of_the_day():
    told = forecast(12_000, 20_000, [straight(24_000)], BEGIN, NOON)  # 1,000 an hour
    assert BEGIN + timedelta(hours=20) == told.reached_at
    assert (None, 24_000) == pick(supposed(told, 12_000, Suppose(25_000), BEGIN, NOON))
    assert (None, 18_000) == pick(supposed(told, 12_000, Suppose(20_000, keeps=0.5), BEGIN, NOON))
    assert (BEGIN + timedelta(hours=16), 28_000) == pick(supposed(told, 12_000, Suppose(20_000, 4_000), BEGIN, NOON))


def pick(told):
    return told.reached_at, told.by_end[0]


def test_a_limit_that_lasts_is_said_with_what_will_be_used():
    told = forecast(5_000, 20_000, [straight(20_000)], BEGIN, NOON)
    text = "About 10,000 of 20,000 by midnight (10,000 to 10,000), Europe/Berlin"
    assert (None, text) == (told.reached_at, sentence(told, 5_000, 20_000, BERLIN))


def test_days_that_had_used_nothing_by_now_are_added_and_not_divided_by():
    late = [0] * 48 + [100] * 48
    assert (110, 110, 110) == forecast(10, None, [late], BEGIN, NOON).by_end


def test_a_used_up_limit_needs_no_forecast():
    assert sentence(None, 100, 100, BERLIN).startswith("Today's 100 are used up")


def test_a_curve_holds_its_last_sample_and_ends_now():
    samples = [(BEGIN + timedelta(minutes=5), 3), (BEGIN + timedelta(minutes=50), 9)]
    curve = curve_of(samples, DAY, BERLIN, BEGIN + 5 * STEP)
    assert ([3, 3, 3, 9, 9, None], 96) == (curve[:6], len(curve))


def test_a_day_on_which_the_clocks_change_has_more_or_fewer_steps():
    lengths = [len(curve_of([], day, BERLIN, NOON)) for day in (date(2026, 10, 25), date(2026, 3, 29))]
    assert [100, 92] == lengths


def test_deferred_items_go_a_limits_worth_a_day():
    at = [datetime(2026, 11, day, 23, tzinfo=UTC) for day in (26, 27, 28)]
    expected = [Release(at[0], 100), Release(at[1], 100), Release(at[2], 50)]
    assert expected == releases(250, 100, 100, NOON, BERLIN)


@pytest.mark.parametrize(("limit", "expected"), [(None, [Release(NOON, 250)]), (300, [Release(NOON, 250)]), (0, [])])
def test_what_there_is_room_for_goes_at_once_and_nothing_goes_at_a_limit_of_zero(limit, expected):
    assert expected == releases(250, limit, 50, NOON, BERLIN)
