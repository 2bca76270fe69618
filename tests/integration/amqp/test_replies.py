"""Waiting for a worker's reply, over a broker that falls silent at any moment."""

import asyncio
import contextlib

import aiormq
import orjson
import pytest

from ingest.amqp import replies as replies_room
from ingest.amqp.publish import Publisher
from ingest.amqp.replies import Replies
from schemas.amqp.tap import open_link
from schemas.batches import Batch, Source, new_batch_id
from schemas.topology import shard_queue

REPLY = {"batchId": "1", "counts": {"created": 1}, "items": [], "usage": None}


def batch():
    now_ms = 1_790_000_000_000
    return Batch(new_batch_id(1, now_ms, b"k" * 32), 1, 1, now_ms, Source.API, [{"externalId": "1"}])


@pytest.fixture
def links(monkeypatch):
    """The connections that were made for replies, in order."""
    made = []

    async def opened(*arguments):
        made.append(await open_link(*arguments))
        return made[-1]

    monkeypatch.setattr(replies_room, "open_link", opened)
    return made


async def answered(settings):
    """Do as the worker of a shard: take one batch and reply to whoever waits."""
    came = asyncio.Queue()
    async with aiormq.connect(settings.amqp) as connection:
        channel = await connection.channel()
        await channel.basic_consume(shard_queue(1), came.put, no_ack=True)
        properties = (await came.get()).header.properties
        told = aiormq.spec.Basic.Properties(correlation_id=properties.correlation_id)
        await channel.basic_publish(orjson.dumps(REPLY), routing_key=properties.reply_to, properties=told)


async def ended(consuming):
    while consuming.is_set():  # noqa: ASYNC110 - nothing signals that an event was cleared
        await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def asking(settings):
    settings = settings.model_copy(update={"reply_timeout_ms": 60_000})
    async with Publisher(settings, "test") as publisher, Replies(settings, publisher) as replies:
        yield replies


async def test_a_reply_finds_who_waits_for_it_and_again_after_the_connection_was_found_silent(settings, links):
    async with asyncio.timeout(120), asking(settings) as replies:
        for _ in range(2):
            worker = asyncio.create_task(answered(settings))
            assert REPLY == await replies.ask(batch())
            await worker
            links[-1].connection._reader_task.cancel()  # as its heartbeat does when nothing came for too long
            await ended(replies._consuming)

    assert len(links) > 1


async def test_a_broker_that_falls_silent_while_the_queue_is_made_is_asked_again(settings, links, monkeypatch):
    opened = replies_room.open_link

    async def silent_at_first(*arguments):
        link = await opened(*arguments)
        if len(links) == 1:
            link.tap.transport.pause_reading()
        return link

    monkeypatch.setattr(replies_room, "open_link", silent_at_first)
    monkeypatch.setattr(replies_room, "_ANSWER_S", 0.5)
    async with asyncio.timeout(120), asking(settings) as replies:
        await replies._consuming.wait()

    assert len(links) > 1
