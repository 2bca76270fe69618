"""The broker's topology as data: safe on RabbitMQ 3.10 to 4.x.

Sources: RabbitMQ's guides on quorum queues, single active consumer and at-least-once dead-lettering.
Batches are published to the default exchange with the shard queue's name as routing key, mandatory and persistent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from schemas.settings import Settings

DEAD_EXCHANGE = "feedline.dead"
DEAD_QUEUE = "feedline.dead"
SHARD_PATTERN = r"^feedline\.shard\."
"""Of the names of shard queues, for policies."""
CHANGES_EXCHANGE = "feedline.changes"
"""The topic exchange of what changed, for accounts that want it; routing keys are `<account id>.<feed id>`."""


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable queue and its arguments."""

    name: str
    arguments: dict[str, Any]


def shard_of(feed_id: int, shards: int) -> int:
    """Return the shard that a feed always maps to."""
    return feed_id % shards


def shard_queue(shard: int) -> str:
    """Return the name of a shard's queue."""
    return f"feedline.shard.{shard:03d}"


def shard_queues(settings: Settings) -> list[Queue]:
    """Return the shard queues, ordered by shard."""
    arguments = {
        "x-queue-type": "quorum",
        "x-single-active-consumer": True,
        "x-delivery-limit": settings.queue_delivery_limit,
        "x-dead-letter-exchange": DEAD_EXCHANGE,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
        "x-max-length": settings.queue_max_length,
        "x-max-length-bytes": settings.queue_max_bytes,
    }
    return [Queue(shard_queue(shard), dict(arguments)) for shard in range(settings.shards)]


def dead_queue() -> Queue:
    """Return the queue of the messages that the broker itself gave up on; a worker moves them to Postgres."""
    return Queue(DEAD_QUEUE, {"x-queue-type": "quorum", "x-overflow": "reject-publish", "x-delivery-limit": 1_000_000})
