"""How values are written for people."""

from datetime import UTC, datetime, timedelta

import pytest

from ingest.pages import words

NOW = datetime(2026, 11, 26, 14, 3, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(None, words.UNKNOWN), (0.0284, "28 ms"),
     (12, "12 s"), (240, "4 min"), (3_900 * 2, "2 h 10 min"), (43_200, "12 h"),
     (259_200, "3 days")],
)  # fmt: skip
def test_a_duration_has_one_or_two_units(seconds, written):
    assert written == words.duration(seconds)


@pytest.mark.parametrize(
    ("ago", "written"),
    [(timedelta(seconds=5), "just now"), (timedelta(seconds=60), "1 min ago"), (timedelta(seconds=100), "2 min ago"),
     (timedelta(minutes=4), "4 min ago"), (timedelta(hours=5), "5 h ago"), (timedelta(minutes=-12), "in 12 min"),
     (timedelta(days=-3), "in 3 days")],
)  # fmt: skip
def test_times_are_relative_and_coarse(ago, written):
    assert written == words.relative(NOW - ago, NOW)


def test_what_is_not_known_is_a_dash_and_never_zero():
    assert [words.UNKNOWN] * 4 == [words.number(None), words.size(None), words.duration(None), words.shown(None)]
    assert ["0", "0 B", "41,200", "12.5"] == [words.number(0), words.size(0), words.number(41_200), words.number(12.5)]


def test_absolute_times_name_the_accounts_zone():
    assert "26 Nov 2026, 15:03:07 Europe/Berlin" == words.absolute(NOW, "Europe/Berlin")
    assert ["15:03", "Wed 15:03", "26 Nov 2025"] == [
        words.clock(NOW - timedelta(days=days), "Europe/Berlin", NOW) for days in (0, 1, 365)
    ]
