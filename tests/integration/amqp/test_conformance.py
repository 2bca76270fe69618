"""What publishing and consuming promise, asked of our seam and of plain aio-pika alike, against a real RabbitMQ."""

import asyncio
import contextlib

import aiormq
import pytest

from schemas.topology import shard_queue

QUEUE = shard_queue(1)


@contextlib.contextmanager
def suspended_queue(settings, rabbitmq):
    """Keep the broker from confirming what reaches the shard's queue."""
    process = f"'{settings.amqp.rpartition('/')[2]}_{QUEUE}'"
    rabbitmq.evaluate(f"sys:suspend({process})")
    try:
        yield
    finally:
        rabbitmq.evaluate(f"sys:resume({process})")


async def delete_queue(settings):
    async with aiormq.connect(settings.amqp) as connection:
        await (await connection.channel()).queue_delete(QUEUE)


async def stored(settings, number):
    """Take messages off the queue with the library alone: (message id, delivery mode, body)."""
    got = asyncio.Queue()
    async with aiormq.connect(settings.amqp) as connection, asyncio.timeout(120):
        await (await connection.channel()).basic_consume(QUEUE, got.put, no_ack=True)
        messages = [await got.get() for _ in range(number)]
    properties = [message.header.properties for message in messages]
    return [
        (one.message_id, one.delivery_mode, message.body) for one, message in zip(properties, messages, strict=True)
    ]


async def put(settings, bodies):
    """Put messages on the queue, named by their place, with the library alone."""
    async with aiormq.connect(settings.amqp) as connection:
        channel = await connection.channel()
        for number, body in enumerate(bodies):
            properties = aiormq.spec.Basic.Properties(message_id=str(number), delivery_mode=2)
            await channel.basic_publish(body, routing_key=QUEUE, properties=properties)


async def test_messages_are_confirmed_and_stand_persistent_in_the_order_of_the_calls(publishers, settings):
    names = [str(number) for number in range(300)]
    async with publishers.opened(settings) as publisher:
        first = await publisher.publish("first")  # binds its slot, which ours leaves until it is used
        results = await asyncio.gather(*(publisher.publish(name) for name in names))

    assert {"confirmed"} == {first, *results}
    assert [(name, 2, b"{}") for name in ("first", *names)] == await stored(settings, 301)


async def test_bodies_of_any_size_arrive_whole(publishers, settings):
    longest = bytes(range(256)) * 2_000
    bodies = [longest[:size] for size in (0, 131_064, 131_065, 300_000)]
    async with publishers.opened(settings) as publisher:
        assert ["confirmed"] * 4 == [await publisher.publish(str(len(body)), body) for body in bodies]

    assert [(str(len(body)), 2, body) for body in bodies] == await stored(settings, 4)


async def test_a_message_whose_queue_is_gone_is_unroutable(publishers, settings, monkeypatch):
    monkeypatch.setattr("ingest.amqp.publish.HOLD_S", 0.0)
    async with publishers.opened(settings) as publisher:
        await delete_queue(settings)

        assert "unroutable" == await publisher.publish("a")


@pytest.mark.other_queues
async def test_a_full_queue_refuses_and_keeps_what_it_confirmed(publishers, settings):
    small = settings.model_copy(update={"queue_max_length": 1})
    async with publishers.opened(small) as publisher:
        results = ["confirmed"]
        while results[-1] == "confirmed" and len(results) < 1_000:  # the broker's limit is soft: some more are taken
            results.append(await publisher.publish(str(len(results))))

    assert "full" == results[-1]
    confirmed = len(results) - 2
    assert [str(number) for number in range(1, confirmed + 1)] == [one[0] for one in await stored(small, confirmed)]


async def test_a_confirm_that_does_not_come_is_a_timeout_and_the_next_message_goes_on(publishers, settings, rabbitmq):
    quick = settings.model_copy(update={"confirm_timeout_ms": 500})
    async with publishers.opened(quick) as publisher:
        with suspended_queue(settings, rabbitmq):
            assert "timeout" == await publisher.publish("a")

        async with asyncio.timeout(120):
            while "confirmed" != (became := await publisher.publish("b")):
                assert "timeout" == became  # a busy broker's


async def test_a_connection_lost_in_flight_fails_all_that_waits_at_once(publishers, cable, rabbitmq):
    settings, wire = cable
    slow = settings.model_copy(update={"confirm_timeout_ms": 600_000})
    async with publishers.opened(slow) as publisher:
        with suspended_queue(settings, rabbitmq):
            waiting = [asyncio.create_task(publisher.publish(str(number))) for number in range(5)]
            await asyncio.sleep(0)
            wire.cut()
            async with asyncio.timeout(60):
                assert ["disconnected"] * 5 == await asyncio.gather(*waiting)


async def test_deliveries_come_in_order_whole_and_no_more_than_the_prefetch(consumers, declared):
    bodies = [b"", b"x" * 300_000, *(b"%d" % number for number in range(18))]
    await put(declared, bodies)
    async with consumers.opened(declared, prefetch=10) as consumer:
        first = await consumer.take(10)
        await consumer.ack(first[-1][0])
        second = await consumer.take(10)
        await consumer.ack(second[-1][0])

    assert [(False, str(number), body) for number, body in enumerate(bodies)] == [one[1:] for one in first + second]


async def test_what_is_not_acked_comes_again_in_order_marked_as_redelivered(consumers, declared):
    await put(declared, [b"{}"] * 6)
    async with consumers.opened(declared, prefetch=10) as consumer:
        taken = await consumer.take(6)
        await consumer.ack(taken[1][0])
        await consumer.close()
    async with consumers.opened(declared, prefetch=10) as consumer:
        again = await consumer.take(4)

    assert [(True, name) for name in "2345"] == [one[1:3] for one in again]


async def test_after_a_cancel_nothing_is_delivered_and_what_is_in_hand_can_be_acked(consumers, declared):
    await put(declared, [b"{}"] * 2)
    async with consumers.opened(declared, prefetch=10) as consumer:
        taken = await consumer.take(2)
        await consumer.cancel()
        await put(declared, [b"late"])
        await consumer.ack(taken[-1][0])
        await consumer.close()

    assert [("0", 2, b"late")] == await stored(declared, 1)


async def test_a_consumer_is_told_that_its_queue_was_deleted(consumers, declared):
    async with consumers.opened(declared, prefetch=10) as consumer:
        await delete_queue(declared)

        await consumer.told_of_cancel()
