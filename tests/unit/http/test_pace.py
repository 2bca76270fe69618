"""How often something may be done."""

from __future__ import annotations

from ingest.http.pace import Pace


def test_a_seconds_worth_may_be_done_at_once_and_then_as_time_goes_by():
    pace = Pace(2, now=10.0)

    assert [True, True, False] == [pace.take(10.0) for _ in range(3)]
    assert [True, False] == [pace.take(10.5) for _ in range(2)]
    assert [True, True, False] == [pace.take(60.0) for _ in range(3)]
