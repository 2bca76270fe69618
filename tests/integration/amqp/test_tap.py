"""What the library makes of a connection that is lost, as those who wait for an answer see it."""

import asyncio

import pytest

from schemas.amqp.tap import AWAY, open_link


async def test_who_waits_for_an_answer_when_the_connection_is_found_silent_is_told_of_it_and_not_cancelled(settings):
    link = await open_link(settings.amqp, "test", 8)
    channel = await link.connection.channel()
    assert link.tap.transport is not None
    link.tap.transport.pause_reading()  # nothing comes any more
    waiting = asyncio.create_task(channel.queue_declare("", exclusive=True))
    await asyncio.sleep(0)  # it has begun

    link.connection._reader_task.cancel()  # as its heartbeat does when nothing came for too long

    await asyncio.wait([waiting], timeout=20)
    assert not waiting.cancelled()
    with pytest.raises(AWAY):
        waiting.result()
    assert not link.is_open
