"""Worker processes against a real RabbitMQ and a real Postgres: all is applied, once, in order, whoever works."""

from __future__ import annotations


async def test_batches_of_many_feeds_are_applied_in_order_and_once(fleet):
    await fleet.post_all(20)
    async with fleet.worker():
        await fleet.post_all(20)
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
            assert 0 == await second.metric("feedline_redeliveries_total")
        async with fleet.worker():
            await fleet.settled()
