"""What breaks under a worker, at a moment that is certain: a window is held in Postgres by a lock of the test's own."""

from __future__ import annotations

import asyncio
import signal
import uuid

import aiormq
import asyncpg
import orjson
from aiormq.abc import DeliveredMessage

from schemas.topology import shard_queue
from tests.midday import midday
from tests.worker import TIMEOUT_S
from workers.shard.flight import replicated
from workers.shard.lock import SHARD_SPACE, ShardLock
from workers.shard.tools import Tools


async def test_a_worker_killed_in_mid_window_is_replaced(fleet):
    async with fleet.worker() as first, fleet.worker() as second:
        mine = (await second.event("assigned", workers=2))["shards"]
        for shard in mine:
            await second.event("consuming", shard=shard)
        async with fleet.posting():
            await fleet.progress()
            async with fleet.held_window(first):
                await first.kill()
            for shard in range(4):
                await second.event("consuming", shard=shard)
            await fleet.progress()
        await fleet.settled()


async def test_windows_wait_while_postgres_is_away_and_nothing_is_delivered_twice(fleet, postgres):
    async with fleet.worker(heartbeat_timeout_ms=600_000) as worker:
        async with fleet.posting():
            await fleet.progress()
            await asyncio.to_thread(postgres.stop)
            try:
                await worker.event("degraded", dependency="postgres")
                await worker.answers("/readyz", 503)
                await worker.answers("/healthz", 200)
                await worker.counts('feedline_degraded{dependency="postgres"}', 1)
            finally:
                await asyncio.to_thread(postgres.start)
            await fleet.progress()
        await fleet.settled()
        assert 0 == await worker.metric("feedline_redeliveries_total")
        await worker.counts('feedline_degraded{dependency="postgres"}', 0)
        assert 0 == await worker.stop()


async def test_a_read_only_postgres_counts_as_away_and_ends_no_process(fleet, read_only):
    async with fleet.worker() as worker:
        async with fleet.posting():
            await fleet.progress()
            with read_only():
                await worker.event("degraded", dependency="postgres", who="heartbeat")
                for shard in range(4):
                    await worker.event("degraded", dependency="postgres", who=f"shard {shard}")
                await worker.answers("/readyz", 503)
            await fleet.progress()
        await fleet.settled()
        assert [] == await fleet.fetch("SELECT 1 FROM dead_letters")
        assert 0 == await worker.stop()


async def test_a_worker_that_gets_nothing_from_a_queue_with_messages_ends(fleet):
    async with aiormq.connect(fleet.settings.amqp) as connection:
        channel = await connection.channel()
        await channel.basic_qos(prefetch_count=1)

        async def keep(_):
            pass

        await channel.basic_consume(shard_queue(1), keep)  # is the single active consumer, and acks nothing
        async with fleet.worker(watchdog_ms=1_000) as worker:
            await worker.event("consuming", shard=1)
            await fleet.post(1)
            await fleet.post(1)
            assert 1 == await worker.ended()
            assert worker.logged("part_died")


async def test_a_worker_waits_for_one_that_still_has_batches_in_hand(fleet):
    leaving, asked = uuid.uuid4(), set()
    await fleet.fetch("INSERT INTO shard_drains (shard, worker_id) VALUES (1, $1)", leaving)

    async def asks_again_and_again():
        sql = "SELECT query_start FROM pg_stat_activity WHERE application_name LIKE '% shard 1' AND query LIKE $1"
        asked.update(row["query_start"] for row in await fleet.fetch(sql, "%shard_drains%"))
        return len(asked) > 2

    async with fleet.worker() as worker, aiormq.connect(fleet.settings.amqp) as connection:
        await fleet.post(1)
        await fleet.until(asks_again_and_again, "waiting for the one that leaves")
        queue = await (await connection.channel()).queue_declare(shard_queue(1), passive=True)
        assert (1, 0) == (queue.message_count, queue.consumer_count)
        assert {} == await fleet.receipts()
        await fleet.fetch("DELETE FROM shard_drains")
        await worker.event("consuming", shard=1)
        await fleet.settled()


async def test_a_shard_that_was_taken_over_meanwhile_gives_its_deliveries_back(fleet):
    async with fleet.worker() as worker:
        for shard in range(4):
            await worker.event("consuming", shard=shard)
        thief = await asyncpg.connect(fleet.settings.dsn)
        steal = asyncio.create_task(thief.fetch("SELECT pg_advisory_lock($1, 1)", SHARD_SPACE))
        waits = "SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'advisory'"
        await fleet.until(lambda: fleet.fetch(waits, thief.get_server_pid()), "the thief at the lock")
        async with fleet.held_window(worker, feed=1):
            await fleet.fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE $1",
                f"feedline-worker {worker.id.hex} shard 1",
            )
            await steal
        await worker.event("deliveries_given_back", shard=1)
        await thief.close()
        await fleet.settled()


async def test_the_lock_is_had_again_when_nobody_else_wants_it_and_nothing_is_delivered_twice(fleet):
    async with fleet.worker(heartbeat_timeout_ms=600_000) as worker:
        async with fleet.posting():
            for _ in range(5):
                await fleet.progress()
                await fleet.fetch(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE $1",
                    f"feedline-worker {worker.id.hex} shard %",
                )
            await fleet.progress()
        await fleet.settled()
        assert 0 == await worker.metric("feedline_redeliveries_total")


async def test_a_worker_that_stops_while_postgres_is_away_stops_in_time_and_nothing_is_lost(fleet, postgres):
    async with fleet.worker(stop_timeout_ms=2_000) as worker, fleet.posting():
        await fleet.progress()
        await asyncio.to_thread(postgres.stop)
        try:
            await worker.event("degraded", dependency="postgres", who="shard 1")
            assert 1 == await worker.stop()
        finally:
            await asyncio.to_thread(postgres.start)
    async with fleet.worker():
        await fleet.settled()


async def test_a_worker_killed_while_it_hands_over_breaks_no_order(fleet):
    async with fleet.worker() as first, fleet.worker() as second:
        for shard in (await second.event("assigned", workers=2))["shards"]:
            await second.event("consuming", shard=shard)
        async with fleet.posting():
            await fleet.progress()
            async with fleet.held_window(first):
                first.process.send_signal(signal.SIGTERM)
                await first.event("draining")
                await first.kill()
            await fleet.progress()
        await fleet.settled()


async def test_a_reply_is_sent_after_the_commit_and_once_more_for_a_batch_sent_again(fleet):
    async with fleet.worker(), aiormq.connect(fleet.settings.amqp) as connection:
        channel = await connection.channel()
        replies: asyncio.Queue[DeliveredMessage] = asyncio.Queue()
        queue = (await channel.queue_declare(exclusive=True)).queue
        await channel.basic_consume(queue, replies.put, no_ack=True)
        batch = await fleet.post(1, reply_to=queue, correlation_id="one")
        first = await asyncio.wait_for(replies.get(), TIMEOUT_S)
        assert batch.batch_id in await fleet.receipts()
        await fleet.publisher.publish(batch, reply_to=queue, correlation_id="two")
        again = await asyncio.wait_for(replies.get(), TIMEOUT_S)
    assert ["one", "two"] == [message.header.properties.correlation_id for message in (first, again)]
    told = orjson.loads(first.body)
    assert (str(batch.batch_id), {"created": 1}) == (told["batchId"], told["counts"])
    assert [(0, "a", "created")] == [(i["index"], i["externalId"], i["outcome"]) for i in told["items"]]
    assert 1 == told["usage"]["used"]
    assert {"created": 1} == orjson.loads(again.body)["counts"]


async def test_deferred_items_are_applied_when_the_limit_is_raised(fleet):
    await fleet.fetch("UPDATE accounts SET daily_sku_limit = 2, time_zone = $1 WHERE id = 1", midday())
    async with fleet.worker() as worker:
        await worker.event("duty_begins", duty="upkeep")
        for name in ("a", "b", "c", "d"):
            await fleet.post(1, external_id=name)

        async def receipted():
            return len(await fleet.receipts()) == 4

        await fleet.until(receipted)
        assert [2] == [row[0] for row in await fleet.fetch("SELECT count(*) FROM deferred_items")]
        await fleet.fetch("UPDATE accounts SET daily_sku_limit = 3 WHERE id = 1")

        async def applied():
            return [row[0] for row in await fleet.fetch("SELECT external_id FROM feed_variants ORDER BY 1")]

        async def one_more():
            return len(await applied()) == 3

        await fleet.until(one_more)
        assert ["a", "b", "c"] == await applied()
        await fleet.fetch("UPDATE accounts SET daily_sku_limit = NULL WHERE id = 1")

        async def all_of_them():
            return len(await applied()) == 4

        await fleet.until(all_of_them)
        assert [4] == [row[0] for row in await fleet.fetch("SELECT used FROM usage")]
        assert [] == await fleet.fetch("SELECT 1 FROM deferred_items")


async def test_a_frozen_worker_is_replaced_and_does_no_harm_when_it_wakes_up(fleet):
    async with fleet.worker() as first, fleet.worker() as second:
        for shard in (await second.event("assigned", workers=2))["shards"]:
            await second.event("consuming", shard=shard)
        async with fleet.posting():
            await fleet.progress()
            first.process.send_signal(signal.SIGSTOP)
            try:
                for shard in range(4):
                    await second.event("consuming", shard=shard)
                await fleet.progress()
            finally:
                first.process.send_signal(signal.SIGCONT)
            await fleet.progress()
        await fleet.settled()
        assert 0 == await first.stop()


async def test_a_commit_whose_wait_for_the_standby_was_cut_short_is_known_and_the_next_one_is_waited_for(
    fleet, postgres
):
    lock = ShardLock(Tools(fleet.settings, uuid.uuid4(), *[None] * 5), 1, lambda: None)
    await lock.acquire()
    connection = await lock.connection()
    operator = await asyncpg.connect(postgres.dsn)

    seen = asyncio.create_task(replicated(connection))

    async def cut_short():
        nonlocal seen
        if seen.done():  # the server had not heard of the standby yet
            seen = asyncio.create_task(replicated(connection))
        sql = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'SyncRep'"
        return await operator.fetch(sql, connection.get_server_pid())

    try:
        await operator.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        await operator.execute("SELECT pg_reload_conf()")
        await fleet.until(cut_short, "a commit that waits for the standby")
        await seen
        assert [True, False] == [lock.take_unreplicated(), lock.take_unreplicated()]
    finally:
        await operator.execute("ALTER SYSTEM RESET synchronous_standby_names")
        await operator.execute("SELECT pg_reload_conf()")
        await operator.close()
    await replicated(connection)
    assert not lock.take_unreplicated()
    await lock.release()
