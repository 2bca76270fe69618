"""What the edge tells of the accounts' days, out of what it read last."""

from datetime import UTC, date, datetime

from ingest.edge.allowances import allowances

NOW_MS = int(datetime(2026, 3, 1, 22, tzinfo=UTC).timestamp() * 1000)
HOUR_MS = 3_600_000


def row(day, used, time_zone="UTC", limit=100):
    return {"id": 1, "daily_sku_limit": limit, "time_zone": time_zone, "day": day, "used": used}


def told(rows, at_ms=NOW_MS):
    """Return what remains and the seconds to go, of the only account."""
    (allowance,) = allowances(rows, NOW_MS).values()
    _, remaining, seconds = allowance.fields(at_ms)["RateLimit"].split(";")
    return int(remaining[2:]), int(seconds[2:])


def test_the_day_is_the_accounts_own():
    rows = [row(date(2026, 3, 1), 30), row(date(2026, 3, 2), 5)]

    assert (70, 7_200) == told(rows)
    assert (95, 17 * 3_600) == told([{**one, "time_zone": "Asia/Tokyo"} for one in rows])


def test_an_account_that_used_nothing_has_all_of_it():
    assert (100, 7_200) == told([row(None, None)])
    assert (100, 7_200) == told([row(date(2026, 2, 28), 90)])


def test_over_a_limit_that_was_lowered_nothing_remains():
    assert (0, 7_200) == told([row(date(2026, 3, 1), 130)])


def test_once_the_day_is_over_all_of_the_next_one_remains():
    assert (100, 23 * 3_600) == told([row(date(2026, 3, 1), 30)], NOW_MS + 3 * HOUR_MS)


def test_an_account_whose_time_zone_is_not_known_here_is_left_out():
    assert {} == allowances([row(date(2026, 3, 1), 30, "Mars/Base")], NOW_MS)
