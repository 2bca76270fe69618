"""What the library makes of a connection that is lost, as those who wait for an answer see it."""

import asyncio

import pytest
import uvloop

from schemas.amqp.tap import AWAY, Tap, open_link


async def test_who_waits_for_an_answer_when_the_connection_is_found_silent_is_told_of_it_and_not_cancelled(settings):
    link = await open_link(settings.amqp, "test", 8)
    channel = await link.connection.channel()
    assert link.tap.transport is not None
    link.tap.transport.pause_reading()  # nothing comes any more
    waiting = asyncio.create_task(channel.queue_declare("", exclusive=True))
    await asyncio.sleep(0)  # it has begun

    link.connection._reader_task.cancel()  # as its heartbeat does when nothing came for too long

    await asyncio.wait([waiting], timeout=120)
    assert not waiting.cancelled()
    with pytest.raises(AWAY):
        waiting.result()
    assert not link.is_open


async def _reset_by_a_closed_tap():
    """Return whether the far end of a connection that is closed is told that what was on its way is void."""
    reset = asyncio.get_running_loop().create_future()

    async def far_end(reader, writer):
        try:
            reset.set_result(await reader.read() != b"")
        except ConnectionResetError:
            reset.set_result(True)
        writer.close()

    async with await asyncio.start_server(far_end, "127.0.0.1", 0) as server:
        loop = asyncio.get_running_loop()
        where = server.sockets[0].getsockname()
        transport, _ = await loop.create_connection(lambda: Tap(asyncio.StreamReader(loop=loop), loop), *where)
        transport.close()
        return await asyncio.wait_for(reset, 120)


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_connection_that_is_closed_leaves_nothing_behind_that_would_arrive_late(run):
    """Tried with a cable between two network namespaces: what was sent while it was out came when it was back."""
    assert run(_reset_by_a_closed_tap())
