"""Worker processes against a real RabbitMQ and a real Postgres: all is applied, once, in order, whoever works."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack


async def test_batches_of_many_feeds_are_applied_in_order_and_once(fleet):
    await fleet.post_all(10)
    async with fleet.worker():
        await fleet.post_all(10)
        await fleet.settled()


async def test_two_workers_share_the_shards_and_one_takes_over_when_the_other_stops(fleet):
    async with fleet.worker() as first:
        for shard in range(4):
            await first.event("consuming", shard=shard)
        async with fleet.posting(), fleet.worker() as second:
            await second.event("assigned", workers=2)
            for shard in (await second.event("assigned", workers=2))["shards"]:
                await second.event("consuming", shard=shard)
            await fleet.progress()
            assert 0 == await first.stop()
            for shard in range(4):
                await second.event("consuming", shard=shard)
            await fleet.progress()
        async with fleet.worker():
            await fleet.settled()


async def test_a_stop_in_the_middle_of_a_backlog_acks_what_is_in_hand_and_leaves_the_rest_in_the_queue(fleet):
    await fleet.post_all(60)
    async with AsyncExitStack() as running:
        async with fleet.holding():  # from before it starts: it would be done with all of it before we look
            first = await running.enter_async_context(fleet.worker())
            for shard in range(4):
                await first.event("consuming", shard=shard)
            await fleet.held(first)
            first.process.send_signal(signal.SIGTERM)
            await first.event("draining")
        assert 0 == await first.ended()
    applied = len(await fleet.receipts())
    assert 0 < applied < len(fleet.sent)
    async with fleet.worker(heartbeat_timeout_ms=600_000) as second:
        await fleet.settled()
        assert 0 == await second.metric("feedline_redeliveries_total")


async def test_a_flood_on_one_shard_does_not_hold_up_the_others(fleet):
    await asyncio.gather(*(fleet.post(4) for _ in range(1_000)))  # shard 0
    for feed in (1, 2, 3):
        await fleet.post(feed)
    async with fleet.worker():
        await fleet.settled()
    written = [row[0] for row in await fleet.fetch("SELECT feed_id FROM written ORDER BY seq")]
    assert 4 == written[-1]
