"""How late a shard is: from what its owner says, else from what was last applied, else not at all."""

from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from schemas import metrics
from workers.watch.export import Exporter
from workers.watch.lateness import Emptiness, Queue, ShardState
from workers.watch.watcher import shards_seen

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def ago(seconds):
    return NOW - timedelta(seconds=seconds)


def state(*, oldest_at=None, passed_at=None, alive=True, waits_for=None):
    return ShardState("id", "host", oldest_at, None, passed_at, waits_for, None, alive)


@pytest.mark.parametrize(
    ("expected", "ready", "known"),
    [
        (None, 0, None),
        (None, 0, state(passed_at=ago(60))),
        (ago(9), 0, state(oldest_at=ago(9))),
        (ago(9), 5, state(oldest_at=ago(9), passed_at=ago(20))),
        (ago(60), 5, state(passed_at=ago(60))),
        (ago(9), 5, state(oldest_at=ago(9), alive=False)),
        (None, 0, state(oldest_at=ago(9), alive=False)),
        (NOW, 5, None),
    ],
    ids=[
        "nothing is known and nothing waits",
        "all is applied",
        "the owner has a head in hand",
        "the owner's head is older than what waits",
        "nothing in hand, but batches wait: not before the last applied",
        "a dead owner's head is back in the queue",
        "a dead owner's head was applied by somebody",
        "nothing is known and batches wait: from now on",
    ],
)
def test_the_oldest_batch_of_a_shard(expected, ready, known):
    assert expected == Emptiness().look(0, Queue(ready, 1), known, NOW)


def test_a_queue_that_stood_empty_for_days_is_not_late_when_a_batch_comes():
    emptiness, long_ago = Emptiness(), state(passed_at=ago(86_400))
    emptiness.look(0, Queue(0, 0), long_ago, ago(5))

    assert ago(5) == emptiness.look(0, Queue(1, 0), long_ago, NOW)


def test_a_batch_that_nobody_takes_stays_as_old_as_it_is():
    emptiness = Emptiness()
    emptiness.look(0, Queue(3, 0), None, ago(100))

    assert ago(100) == emptiness.look(0, Queue(3, 0), None, NOW)


def test_without_the_broker_what_owners_have_in_hand_is_known_all_the_same():
    seeing = shards_seen(None, {3: state(oldest_at=ago(9)), 4: state()}, Emptiness(), NOW)

    assert [(("3",), ago(9).timestamp())] == seeing[metrics.SHARD_OLDEST]
    assert [] == seeing[metrics.SHARD_READY]


def test_what_a_live_owner_waits_for_is_told_and_what_a_dead_one_waited_for_is_not():
    states = {0: state(waits_for="postgres"), 1: state(waits_for="postgres", alive=False)}

    assert [(("0", "postgres"), 1.0)] == shards_seen({}, states, Emptiness(), NOW)[metrics.SHARD_WAITS]


def test_a_watcher_that_has_gone_stale_exports_nothing():
    now = [100.0]
    registry = CollectorRegistry()
    exporter = Exporter(lambda: now[0])
    registry.register(exporter)

    def ready():
        return registry.get_sample_value("feedline_shard_ready_batches", {"shard": "0"})

    assert ready() is None
    exporter.show("shards", {metrics.SHARD_READY: [(("0",), 7.0)]}, fresh_s=10)
    assert 7.0 == ready()
    now[0] = 111.0
    assert ready() is None


def test_a_watcher_that_is_not_active_any_more_exports_nothing():
    registry = CollectorRegistry()
    exporter = Exporter(lambda: 0.0)
    registry.register(exporter)
    exporter.show("shards", {metrics.SHARD_ROOM: [((), 7.0)]}, fresh_s=10)
    exporter.hide("shards")

    assert [] == list(registry.collect())
