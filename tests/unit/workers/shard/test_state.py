"""The watermark of a shard is told by who has the shard, and by nobody else."""

import uuid
from datetime import UTC, datetime

from prometheus_client import REGISTRY

from schemas.batches import Batch, Source
from workers.clock import Clock
from workers.shard.state import State

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def watermark(owner):
    labels = {"shard": "77", "owner": owner}
    return REGISTRY.get_sample_value("feedline_shard_applied_timestamp_seconds", labels)


def test_the_watermark_is_the_last_commit_and_goes_with_the_shard():
    state = State(77, Clock(now=lambda: NOW), "one")
    state.begin()
    assert watermark("one") is None

    state.committed([Batch(uuid.uuid4(), 1, 77, 1_000, Source.WEBHOOK, [])])
    assert NOW.timestamp() == watermark("one")
    state.end()
    assert watermark("one") is None
