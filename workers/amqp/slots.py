"""Where slots lead: bindings of the exchange to shards' queues. Each step may be done twice."""

from __future__ import annotations

from collections.abc import Mapping

from aiormq.abc import AbstractChannel

from schemas.topology import DEAD_QUEUE, SHARDS_EXCHANGE, shard_queue, slot_key


async def lead(channel: AbstractChannel, homes: Mapping[int, int]) -> None:
    """Have what is published to slots put into their shards' queues (slot → shard), beside where it goes already."""
    for slot, shard in homes.items():
        await channel.queue_bind(shard_queue(shard), SHARDS_EXCHANGE, slot_key(slot), nowait=True)
    await channel.queue_declare(DEAD_QUEUE, passive=True)  # answered when all of them are done


async def part(channel: AbstractChannel, shard: int, homes: Mapping[int, int]) -> None:
    """Have what is published to slots no longer put into this shard's queue, but into those of their shards."""
    await lead(channel, homes)
    for slot in homes:
        await channel.queue_unbind(shard_queue(shard), SHARDS_EXCHANGE, slot_key(slot))
