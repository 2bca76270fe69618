"""What the broker does to a worker: it goes, deletes queues, closes connections."""

from __future__ import annotations

import asyncio

import aiormq
import asyncpg

from schemas.topology import shard_queue


async def test_consuming_resumes_when_rabbitmq_comes_back(fleet, rabbitmq):
    async with fleet.worker() as worker:
        async with fleet.posting():
            await fleet.progress()
            await asyncio.to_thread(rabbitmq.stop_app)
            try:
                await worker.event("degraded", dependency="rabbitmq")
                await worker.answers("/readyz", 503)
            finally:
                await asyncio.to_thread(rabbitmq.start_app)
            await fleet.progress()
        await fleet.settled()


async def test_consuming_resumes_when_its_queues_are_deleted(fleet):
    async with fleet.worker() as worker:
        await fleet.post_all(5)
        await fleet.settled()
        async with aiormq.connect(fleet.settings.amqp) as connection:
            channel = await connection.channel()
            for shard in range(4):
                await channel.queue_delete(shard_queue(shard))
        for shard in range(4):
            await worker.event("queue_gone", shard=shard)
        await fleet.post_all(5)
        await fleet.settled()
        assert worker.process.returncode is None


async def test_queues_deleted_again_and_again_under_load_are_consumed_again(fleet):
    async def stored(feed):
        rows = await fleet.fetch("SELECT inventory_quantity FROM feed_variants WHERE feed_id = $1", feed)
        return rows[0][0] if rows else 0

    async with fleet.worker() as worker, aiormq.connect(fleet.settings.amqp) as connection:
        channel = await connection.channel()
        async with fleet.posting():
            await fleet.progress()
            for _ in range(4):
                await channel.queue_delete(shard_queue(1))
                newest = fleet.newest(1)

                async def applied(newest=newest):
                    return await stored(1) > newest

                await fleet.until(applied, "a batch posted after the queue was deleted")
        await fleet.post_all(1)
        await fleet.progress()
        await fleet.in_order()
        assert worker.process.returncode is None
        [state] = await fleet.until(
            lambda: fleet.fetch("SELECT worker_id FROM shard_state WHERE shard = 1 AND gone_at IS NOT NULL")
        )
        assert worker.id == state["worker_id"]


async def test_batches_in_hand_are_applied_although_their_queue_is_deleted(fleet):
    async with fleet.worker() as worker:
        async with aiormq.connect(fleet.settings.amqp) as connection:
            channel = await connection.channel()
            for shard in range(4):
                await worker.event("consuming", shard=shard)
            await fleet.post_all(4)
            await fleet.settled()
            holder = await asyncpg.connect(fleet.settings.dsn)
            async with holder.transaction():
                await holder.execute("LOCK TABLE ONLY receipts IN SHARE MODE")
                await fleet.post_all(4)
                await fleet.until(lambda: fleet.all_in_hand(channel), "all delivered")
                for shard in range(4):
                    await channel.queue_delete(shard_queue(shard))
            await holder.close()
        await fleet.settled()
        await fleet.post_all(4)
        await fleet.settled()


async def test_consuming_resumes_when_the_broker_closes_all_connections(fleet, rabbitmq):
    async with fleet.worker() as worker:
        async with fleet.posting():
            await fleet.progress()
            async with fleet.held_window(worker):
                rabbitmq.evaluate('rabbit_networking:close_all_connections(<<"test">>)')
                await worker.event("channel_closed")
            await fleet.progress()
        await fleet.settled()
