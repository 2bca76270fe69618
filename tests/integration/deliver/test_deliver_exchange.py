"""Telling a queue: every change confirmed, in order, also after the broker was away."""

import aiormq
import orjson
import pytest

pytestmark = pytest.mark.other_queues  # and exchanges


async def test_the_queue_gets_each_change_confirmed_by_account_and_feed_with_its_id(told):
    connection = await aiormq.connect(told.settings.amqp)
    channel = await connection.channel()
    await channel.exchange_declare("feedline.changes", exchange_type="topic", durable=True)
    queue = (await channel.queue_declare(exclusive=True)).queue
    await channel.queue_bind(queue, "feedline.changes", routing_key="1.*")
    endpoint = await told.endpoint("", kind="queue")
    await told.endpoint("", kind="queue", account=2)
    await told.changed(2, 1)
    await told.changed(1, account=2)
    await told.deliver()

    got = [await channel.basic_get(queue, no_ack=True) for _ in range(4)]
    assert [("1.1", f"sku {n}") for n in (0, 1, 0)] == [
        (message.delivery.routing_key, orjson.loads(message.body)["externalId"]) for message in got[:3]
    ]
    assert [orjson.loads(message.body)["id"] for message in got[:3]] == [
        message.header.properties.message_id for message in got[:3]
    ]
    assert not got[3].body
    assert [None] == [row["error"] for row in await told.attempts(endpoint)]
    await connection.close()


async def test_of_several_brokers_one_that_is_away_keeps_no_change_back(told):
    endpoint = await told.endpoint("", kind="queue")
    await told.changed(1)
    live = told.settings.amqp
    told.settings = told.settings.model_copy(
        update={"amqp_url": type(told.settings.amqp_url)(f"amqp://127.0.0.1:1/,{live},amqp://127.0.0.1:2/")}
    )
    await told.deliver()

    assert (0, None) == ((await told.row(endpoint))["failures"], (await told.row(endpoint))["sending_to"])


async def test_the_queue_waits_for_a_broker_that_is_away(told):
    endpoint = await told.endpoint("", kind="queue")
    await told.changed(1)
    whole = told.settings
    told.settings = whole.model_copy(update={"amqp_url": type(whole.amqp_url)("amqp://127.0.0.1:1/")})
    await told.deliver()
    row = await told.row(endpoint)
    assert (1, True) == (row["failures"], row["enabled"])

    told.settings, told.now = whole, row["next_attempt_at"]
    await told.deliver()
    assert (0, None) == ((await told.row(endpoint))["failures"], (await told.row(endpoint))["sending_to"])
