"""The broker's topology as data: safe on RabbitMQ 3.10 to 4.x.

Sources: RabbitMQ's guides on quorum queues, single active consumer and at-least-once dead-lettering.
Batches are published to a direct exchange with their feed's slot as routing key, mandatory and persistent. A slot is
bound to the queue of its shard when it is first used; where it leads is the broker's to know, so nobody who publishes
needs the number of shards. Releases before published to the default exchange with the queue's name: both ways end in
the same queue, in order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from schemas.settings import Settings

SHARDS_EXCHANGE = "feedline.shards"
MOST_SHARDS: Final = 256
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


def slots_of(shards: int) -> int:
    """Return the number of slots of a fleet: how many shards it can be doubled to, and thus the same after doubling."""
    return shards << (MOST_SHARDS // shards).bit_length() - 1


def slot_of(feed_id: int, shards: int) -> int:
    """Return the slot that a feed always has; its shard is `shard_of(slot, shards)`."""
    return feed_id % slots_of(shards)


def slot_key(slot: int) -> str:
    """Return the routing key of a slot."""
    return str(slot)


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
