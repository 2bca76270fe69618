"""Messages of the releases before and of the one after, between edges and workers that are upgraded in any order."""

from __future__ import annotations

import json
import time
from pathlib import Path

import aiormq
import asyncpg
import pytest

from schemas.batches import NEWEST_READ, OLDEST_READ, decode
from schemas.declare import bind
from schemas.topology import dead_queue, shard_queue
from tests.messages import outcomes

FIXTURES = Path(__file__).parents[2] / "fixtures"
RELEASES = sorted((FIXTURES / "releases").glob("*.json"))
VERSION_1 = FIXTURES / "messages" / "version-1.json"
PERSISTENT = aiormq.spec.Basic.Properties(delivery_mode=2)


def now_ms() -> int:
    """Receipts are kept for days only, so a kept message is sent as if it had come just now."""
    return int(time.time() * 1000)


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.stem)
async def test_what_an_edge_an_api_and_a_puller_of_a_release_published_becomes_what_it_became_then(fleet, release):
    """Whole messages, as tests/messages.py recorded them; each is sent when the one before has its receipt."""
    messages = json.loads(release.read_text())
    assert all(OLDEST_READ <= message["body"]["v"] <= NEWEST_READ for message in messages), "no longer read: remove it"
    batches = [decode(json.dumps(message["body"]).encode()) for message in messages]
    wanted = {item["variantId"] for batch in batches for item in batch.items if item.get("variantId")}
    await fleet.fetch(
        "INSERT INTO variants (account_id, id, sku) SELECT 1, id, id::text FROM unnest($1::bigint[]) id", wanted
    )
    database = await asyncpg.connect(fleet.settings.dsn)
    try:
        async with aiormq.connect(fleet.settings.amqp) as connection, fleet.worker():
            for slot in {int(message["routingKey"]) for message in messages}:
                await bind(connection, fleet.settings, slot, slot % fleet.settings.shards)
            channel = await connection.channel()
            for message in messages:
                body = message["body"] | {"receivedMs": now_ms()}
                await channel.basic_publish(
                    json.dumps(body).encode(),
                    exchange=message["exchange"],
                    routing_key=message["routingKey"],
                    properties=aiormq.spec.Basic.Properties(**message["properties"]),
                    mandatory=True,
                )

                assert message["outcomes"] == await outcomes(database, body["batchId"]), message["what"]
        stored = "SELECT inventory_quantity FROM feed_variants WHERE feed_id = 1 ORDER BY external_id"
        assert [8, 0] == [row[0] for row in await database.fetch(stored)]
    finally:
        await database.close()


async def test_a_message_of_a_later_release_is_kept_in_its_place_by_a_worker_that_cannot_read_it(fleet):
    later = json.loads(VERSION_1.read_text()) | {"v": NEWEST_READ + 1, "receivedMs": now_ms()}
    async with aiormq.connect(fleet.settings.amqp) as connection:
        channel = await connection.channel()
        before = await fleet.post(1)
        await channel.basic_publish(json.dumps(later).encode(), routing_key=shard_queue(1), properties=PERSISTENT)
        await fleet.post(1)
        async with fleet.worker() as worker:
            await worker.event("degraded", dependency="worker", who="shard 1")

            assert {before.batch_id: 1} == dict(await fleet.receipts())
            assert f"message version {NEWEST_READ + 1}: this release reads" in (await worker.get("/readyz"))[1]
            assert 0 == await worker.stop()

        async def kept():
            found = [await channel.queue_declare(name, passive=True) for name in (shard_queue(1), dead_queue().name)]
            return [2, 0] == [queue.message_count for queue in found]

        await fleet.until(kept, "both messages in their queue again")
        assert [] == await fleet.fetch("SELECT 1 FROM dead_letters")
        await channel.queue_purge(shard_queue(1))
