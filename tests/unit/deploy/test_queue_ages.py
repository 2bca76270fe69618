"""How old the oldest batch of a queue is, in a word."""

from datetime import UTC, datetime, timedelta

import pytest

from deploy.command.queues import with_ages
from workers.watch.lateness import ShardState

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)


def ago(seconds):
    return NOW - timedelta(seconds=seconds)


def state(oldest_at=None, passed_at=None):
    return ShardState("w", "h", oldest_at, None, passed_at, None, None, alive=True)


@pytest.mark.parametrize(
    ("ready", "known", "expected"),
    [
        ("0", state(), ""),
        ("0", state(oldest_at=ago(12.34)), "12.3 s"),
        ("5", state(oldest_at=ago(12.34)), "12.3 s"),
        ("5", state(passed_at=ago(60)), "≤ 60.0 s"),
        ("5", state(), "?"),
        ("5", None, "?"),
        ("missing", state(oldest_at=ago(5)), ""),
    ],
)
def test_a_queue_tells_the_age_of_its_oldest_batch(ready, known, expected):
    row = ("feedline.shard.000", ready, "?", "1", "?", "?")
    states = None if known is None else {0: known}

    assert [(*row[:4], expected, *row[4:])] == with_ages([row], states, NOW)
