"""The publisher beyond what every publisher promises (test_conformance.py): it heals, tells why not, never wedges."""

import asyncio
import contextlib

import aiormq
import pytest

from ingest.amqp.publish import Publisher, Unavailable
from schemas.batches import Batch, Source, decode, new_batch_id
from schemas.division import Division
from schemas.errors import Permanent
from schemas.topology import shard_queue
from tests.waiting import until

KEY = b"k" * 32


def batch(number=1, feed_id=1):
    return Batch(
        batch_id=new_batch_id(feed_id, 1_790_000_000_000 + number, KEY),
        account_id=1,
        feed_id=feed_id,
        received_ms=1_790_000_000_000 + number,
        source=Source.WEBHOOK,
        items=[{"externalId": str(number)}],
    )


@contextlib.asynccontextmanager
async def channel_of(url):
    async with aiormq.connect(url) as connection:
        yield await connection.channel()


async def messages(url, queue, number):
    """Take `number` messages off a queue."""
    got = asyncio.Queue()
    async with channel_of(url) as channel:
        await channel.basic_consume(queue, got.put, no_ack=True)
        async with asyncio.timeout(120):
            return [await got.get() for _ in range(number)]


async def test_a_batch_arrives_with_where_its_reply_is_wanted(settings):
    sent = batch()
    async with Publisher(settings, "test") as publisher:
        await publisher.publish(sent, reply_to="amq.reply", correlation_id="c1")

    (found,) = await messages(settings.amqp, shard_queue(1), 1)

    assert sent == decode(found.body)
    assert ("amq.reply", "c1") == (found.header.properties.reply_to, found.header.properties.correlation_id)


async def test_a_message_whose_queue_was_deleted_is_held_until_it_is_made_again(settings):
    async with Publisher(settings, "test") as publisher, channel_of(settings.amqp) as channel:
        await publisher.publish(batch(1))
        await channel.queue_delete(shard_queue(1))

        await asyncio.gather(*(publisher.publish(batch(number)) for number in (2, 3, 4)))

    assert ["2", "3", "4"] == [
        decode(found.body).items[0]["externalId"] for found in await messages(settings.amqp, shard_queue(1), 3)
    ]


async def test_a_message_whose_queue_cannot_be_made_again_is_given_up_after_a_while_and_settled(
    settings, rabbitmq, monkeypatch
):
    def allow(configure):
        vhost, everything = settings.amqp.rpartition("/")[2], '<<".*">>'
        rights = f'<<"feedline">>, <<"{vhost}">>, <<"{configure}">>, {everything}, {everything}, <<"test">>'
        rabbitmq.evaluate(f"rabbit_auth_backend_internal:set_permissions({rights})")

    settled = []
    async with Publisher(settings, "test") as publisher, channel_of(settings.amqp) as channel:
        await channel.queue_delete(shard_queue(1))
        allow("^$")
        monkeypatch.setattr("ingest.amqp.publish.HOLD_S", 1.0)
        with pytest.raises(Unavailable) as caught:
            await publisher.publish_message(1, "m1", batch().encode(), settled=lambda: settled.append("m1"))
        assert ("unroutable", ["m1"]) == (caught.value.reason, settled)

        allow(".*")
        monkeypatch.undo()
        await publisher.publish(batch())


async def test_a_slot_that_is_used_for_the_first_time_while_its_shard_takes_nothing_over_leads_to_the_parent(settings):
    async with Publisher(settings, "test") as publisher:
        publisher._division = Division(16, frozenset(range(8, 16)))
        await publisher.publish(batch(feed_id=9))

    (found,) = await messages(settings.amqp, shard_queue(1), 1)
    assert 9 == decode(found.body).feed_id


async def test_what_the_release_before_sent_stands_in_front_of_what_this_one_sends(settings):
    plain = aiormq.spec.Basic.Properties(delivery_mode=2)
    async with Publisher(settings, "test") as publisher, channel_of(settings.amqp) as channel:
        await channel.basic_publish(batch(1).encode(), routing_key=shard_queue(1), properties=plain)
        await publisher.publish(batch(2))
        await channel.basic_publish(batch(3).encode(), routing_key=shard_queue(1), properties=plain)
        await publisher.publish(batch(4, feed_id=257))

    assert ["1", "2", "3", "4"] == [
        decode(found.body).items[0]["externalId"] for found in await messages(settings.amqp, shard_queue(1), 4)
    ]


async def test_a_blocked_broker_is_blocked_until_it_is_not(settings, rabbitmq):
    alarm = "{{resource_limit, memory, node()}, []}"
    async with Publisher(settings, "test") as publisher:
        # The second call comes back when the node has taken note of the first.
        rabbitmq.evaluate(f"{{rabbit_alarm:set_alarm({alarm}), rabbit_alarm:get_alarms()}}")
        try:
            # The broker tells when the first message arrives.
            publisher._wire._timeout = 2
            first = asyncio.create_task(publisher.publish(batch()))
            await until(lambda: publisher.ready() is not None)
            with pytest.raises(Unavailable) as caught:
                await publisher.publish(batch())
            assert "blocked" == caught.value.reason
            assert "blocked" in publisher.ready()
            with pytest.raises(Unavailable):
                await first
        finally:
            rabbitmq.evaluate("rabbit_alarm:clear_alarm({resource_limit, memory, node()})")

        await until(lambda: publisher.ready() is None)
        publisher._wire._timeout = 60
        await publisher.publish(batch())


async def test_a_lost_broker_fails_what_is_in_flight_at_once_and_is_found_again(settings, rabbitmq):
    slow = settings.model_copy(update={"confirm_timeout_ms": 60_000})
    process = f"'{settings.amqp.rpartition('/')[2]}_{shard_queue(1)}'"
    async with Publisher(slow, "test") as publisher:
        rabbitmq.evaluate(f"sys:suspend({process})")
        waiting = [asyncio.create_task(publisher.publish(batch(number))) for number in range(5)]
        await until(lambda: publisher._wire.in_flight == 5)
        await asyncio.to_thread(rabbitmq.kill)
        try:
            results = await asyncio.gather(*waiting, return_exceptions=True)
            with pytest.raises(Unavailable):
                await publisher.publish(batch())
            assert "rabbitmq" in publisher.ready()
        finally:
            await asyncio.to_thread(rabbitmq.start)

        assert ["disconnected"] * 5 == [result.reason for result in results]
        await until(lambda: publisher.ready() is None)
        await publisher.publish(batch())


async def test_a_broker_that_falls_silent_is_given_up(cable, monkeypatch):
    monkeypatch.setattr("ingest.amqp.publish.HEARTBEAT_S", 1)
    settings, wire = cable
    slow = settings.model_copy(update={"confirm_timeout_ms": 60_000})
    async with Publisher(slow, "test") as publisher:
        wire.hang()

        with pytest.raises(Unavailable) as caught:
            await publisher.publish(batch())

        assert "disconnected" == caught.value.reason
        wire.cut()


async def test_an_absent_broker_does_not_stop_a_process_from_starting(settings):
    nowhere = settings.model_copy(update={"amqp_url": type(settings.amqp_url)("amqp://u:p@127.0.0.1:1/")})
    async with Publisher(nowhere, "test") as publisher:
        with pytest.raises(Unavailable) as caught:
            await publisher.publish(batch())

        assert "disconnected" == caught.value.reason
        assert "rabbitmq" in publisher.ready()


async def test_a_wrong_password_is_not_told_to_anybody(settings):
    wrong = settings.amqp.replace("feedline:", "feedline:hunter2")
    async with Publisher(settings.model_copy(update={"amqp_url": type(settings.amqp_url)(wrong)}), "test") as publisher:
        assert "hunter2" not in publisher.ready()


@pytest.mark.other_queues
async def test_an_unsafe_live_queue_refuses_to_start_and_says_what_to_do(settings):
    async with channel_of(settings.amqp) as channel:
        await channel.queue_declare(shard_queue(0), durable=True, arguments={"x-queue-type": "quorum"})

    with pytest.raises(Permanent, match=r"feedline\.shard\.000 has .* is expected"):
        async with Publisher(settings, "test"):
            pass
