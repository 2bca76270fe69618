"""What the broker gives up on, in a running fleet: kept as dead letters, with their receipts."""

from __future__ import annotations

import aiormq

from schemas.batches import decode
from schemas.topology import DEAD_QUEUE, shard_queue


async def dead_letters(fleet):
    return await fleet.fetch("SELECT account_id, feed_id, batch_id, code, payload FROM dead_letters ORDER BY id")


async def test_a_message_that_is_no_batch_is_kept_as_a_dead_letter_and_the_others_are_applied(fleet):
    await fleet.post_all(1)
    async with aiormq.connect(fleet.settings.amqp) as connection:
        channel = await connection.channel()
        await channel.basic_publish(b"not a batch", routing_key=shard_queue(1))
    await fleet.post_all(1)
    async with fleet.worker():
        await fleet.settled()
        [letter] = await fleet.until(lambda: dead_letters(fleet))
    assert (None, None, None, "undecodable", b"not a batch") == tuple(letter)


async def test_a_batch_that_the_broker_gave_up_on_is_kept_as_a_dead_letter_with_its_receipt(fleet):
    batch = await fleet.post(1)
    async with aiormq.connect(fleet.settings.amqp) as connection:
        channel = await connection.channel()
        deliveries = 0

        async def fail(message):
            nonlocal deliveries
            deliveries += 1
            await message.channel.basic_reject(message.delivery_tag, requeue=True)

        await channel.basic_consume(shard_queue(1), fail)

        async def dead():
            return (await channel.queue_declare(DEAD_QUEUE, passive=True)).message_count

        await fleet.until(dead)
        assert fleet.settings.queue_delivery_limit + 1 == deliveries
    async with fleet.worker():
        [letter] = await fleet.until(lambda: dead_letters(fleet))
        assert (1, 1, batch.batch_id, "broker.delivery_limit") == tuple(letter)[:4]
        assert batch.items == decode(letter["payload"]).items
        [receipt] = await fleet.until(lambda: fleet.fetch("SELECT batch_id, counts FROM receipts"))
        assert (batch.batch_id, '{"dead": 1}') == tuple(receipt)
        await fleet.post(1)
        await fleet.settled()
