"""What a committed window adds to the metrics."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from schemas import metrics
from workers.amqp.delivery import Delivery
from workers.apply import WindowResult


def committed(window: Sequence[Delivery], result: WindowResult, seconds: float, now: datetime) -> None:
    """Count a window that took so long, and the lag and outcomes of its batches that were not seen before."""
    metrics.WINDOWS.labels("split" if result.split else "committed").inc()
    metrics.WINDOW_SECONDS.observe(seconds)
    metrics.WINDOW_BATCHES.observe(len(result.batches))
    metrics.WINDOW_ITEMS.observe(sum(len(delivery.batch.items) for delivery in window))
    metrics.WINDOW_BYTES.observe(sum(delivery.size for delivery in window))
    now_ms = now.timestamp() * 1000
    ended: dict[str, int] = {}
    for outcome in result.batches:
        if outcome.claimed:
            metrics.COMMIT_LAG.observe(max(0.0, (now_ms - outcome.batch.received_ms) / 1000))
            for name, count in outcome.counts.items():
                ended[name] = ended.get(name, 0) + count
    for name, count in ended.items():
        metrics.OUTCOMES.labels(name).inc(count)
