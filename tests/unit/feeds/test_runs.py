"""Decisions about runs: how one ends, when its feed is disabled, what its parts depend on."""

from datetime import UTC, datetime, timedelta

import pytest

from ingest.feeds.runs import RunStatus, disable_reason, final_status, fingerprint, seal

NOW = datetime(2026, 5, 4, 10, 20, 30, 500_000, UTC)


def test_a_feed_is_disabled_after_days_without_a_usable_file():
    since = NOW - timedelta(days=7)
    assert None is disable_reason(None, NOW, 7, "404")
    assert None is disable_reason(since + timedelta(minutes=1), NOW, 7, "404")
    assert "no usable file since 2026-04-27 10:20 UTC (7 days): 404" == disable_reason(since, NOW, 7, "404")


@pytest.mark.parametrize(
    ("mapped", "rejected", "counts", "late", "status"),
    [
        (3, 0, {"created": 3}, 0, RunStatus.SUCCEEDED),
        (3, 1, {"created": 3}, 0, RunStatus.PARTIAL),
        (4, 0, {"created": 3, "dead": 1}, 0, RunStatus.PARTIAL),
        (3, 0, {"rejected": 3}, 0, RunStatus.PARTIAL),
        (3, 0, {"deferred": 3}, 0, RunStatus.SUCCEEDED),
        (3, 0, {"created": 3}, 1, RunStatus.PARTIAL),
        (0, 0, {}, 0, RunStatus.PARTIAL),
    ],
)
def test_a_run_is_partial_when_anything_of_it_was_not_applied_or_nothing_was_there(
    mapped, rejected, counts, late, status
):
    assert status == final_status(mapped, rejected, counts, late)


def test_the_fingerprint_follows_the_content_and_the_settings():
    assert fingerprint("a", seal(b"{}")) == fingerprint("a", seal(b"{}"))
    assert 3 == len({fingerprint("a", seal(b"{}")), fingerprint("b", seal(b"{}")), fingerprint("a", seal(b"[]"))})
