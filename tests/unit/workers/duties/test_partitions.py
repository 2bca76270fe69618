"""Which daily partitions are made and dropped."""

from __future__ import annotations

from datetime import date

from workers.duties.partitions import day_of, missing, name_of, outdated

TODAY = date(2026, 3, 1)


def test_a_partition_is_named_by_its_day():
    assert "receipts_20260301" == name_of(TODAY)
    assert TODAY == day_of("receipts_20260301")


def test_the_default_partition_has_no_day():
    assert day_of("receipts_default") is None


def test_yesterday_to_a_week_ahead_are_made():
    days = missing(["receipts_default"], TODAY)
    assert (9, date(2026, 2, 28), date(2026, 3, 8)) == (len(days), days[0], days[-1])


def test_what_exists_is_not_made_again():
    assert [date(2026, 3, 8)] == missing([name_of(day) for day in missing([], date(2026, 2, 28))], TODAY)


def test_a_day_is_dropped_once_all_of_it_is_older_than_receipts_are_kept():
    names = ["receipts_20260221", "receipts_20260222", "receipts_20260301", "receipts_default"]
    assert ["receipts_20260221"] == outdated(names, TODAY, 7)
