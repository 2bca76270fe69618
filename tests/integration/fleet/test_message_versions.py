"""Messages of the release before and of the release after, between edges and workers that are upgraded in any order."""

from __future__ import annotations

import time
from pathlib import Path

import aiormq

from schemas.batches import NEWEST_READ
from schemas.topology import dead_queue, shard_queue

LAST_RELEASE = Path(__file__).parents[2] / "fixtures" / "messages" / "version-1.json"
PERSISTENT = aiormq.spec.Basic.Properties(delivery_mode=2)


def received_now(body: bytes) -> bytes:
    """Return a kept message as if it had come just now: receipts are kept for days only."""
    return body.replace(b"1790000000000", b"%d" % int(time.time() * 1000))


async def test_a_message_as_the_last_release_writes_it_is_applied(fleet):
    async with aiormq.connect(fleet.settings.amqp) as connection, fleet.worker() as worker:
        channel = await connection.channel()
        await worker.event("consuming", shard=1)
        await channel.basic_publish(
            received_now(LAST_RELEASE.read_bytes()), routing_key=shard_queue(1), properties=PERSISTENT
        )

        async def applied():
            return await fleet.receipts()

        await fleet.until(applied, "a receipt")
        sql = "SELECT external_id, inventory_quantity FROM feed_variants ORDER BY external_id"
        assert [("a", 7), ("b", 0)] == [tuple(row) for row in await fleet.fetch(sql)]


async def test_a_message_of_a_later_release_is_kept_in_its_place_by_a_worker_that_cannot_read_it(fleet):
    later = LAST_RELEASE.read_bytes().replace(b'"v":1', b'"v":%d' % (NEWEST_READ + 1))
    async with aiormq.connect(fleet.settings.amqp) as connection:
        channel = await connection.channel()
        before = await fleet.post(1)
        await channel.basic_publish(received_now(later), routing_key=shard_queue(1), properties=PERSISTENT)
        await fleet.post(1)
        async with fleet.worker() as worker:
            await worker.event("degraded", dependency="worker", who="shard 1")

            assert {before.batch_id: 1} == dict(await fleet.receipts())
            assert "message version 2: this release reads 1" in (await worker.get("/readyz"))[1]
            assert 0 == await worker.stop()

        kept = [await channel.queue_declare(name, passive=True) for name in (shard_queue(1), dead_queue().name)]
        assert [2, 0] == [queue.message_count for queue in kept]
        assert [] == await fleet.fetch("SELECT 1 FROM dead_letters")
        await channel.queue_purge(shard_queue(1))
