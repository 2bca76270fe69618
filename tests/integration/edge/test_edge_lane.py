"""Posts are begun with as they are read, whole or not: their answers, order and ends are those of all others."""

import asyncio
import contextlib
from urllib.parse import urlsplit

import aiormq
import orjson
import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from ingest.edge import body as bodies
from ingest.edge.connection import _APART_BYTES
from ingest.edge.post import PATH
from schemas.topology import shard_queue

ITEM = {"externalId": "1", "inventoryQuantity": 5}


def whole(body, webhook_hash="hash-1", more=""):
    written = body if isinstance(body, bytes) else orjson.dumps(body)
    head = f"POST {PATH} HTTP/1.1\r\nHost: edge\r\njetti-webhook-hash: {webhook_hash}\r\n{more}"
    return f"{head}Content-Length: {len(written)}\r\n\r\n".encode() + written


async def answer(reader):
    """Read one answer; returns (status, head, body)."""
    async with asyncio.timeout(120):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(int(line.split(":")[1]) for line in head.split("\r\n") if line.startswith("Content-Length"))
        return int(head.split()[1]), head, orjson.loads(await reader.readexactly(length))


@pytest.fixture
async def connected(edge):
    """A connection whose first post is answered: aiohttp has its task by then."""
    address = urlsplit(edge.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(whole(ITEM))
    assert 202 == (await answer(reader))[0]
    yield reader, writer
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


@pytest.fixture
def closed_long_way(edge, monkeypatch):
    """Lets no post go the long way."""
    monkeypatch.setattr(edge.posts, "_accept", None)


def rejected():
    return REGISTRY.get_sample_value("feedline_items_rejected_total", {"source": "webhook"})


async def test_pipelined_posts_are_answered_in_their_order_and_a_refused_one_holds_nobody_up(edge, connected):
    reader, writer = connected
    some = [ITEM, {"externalId": "2", "inventoryQuantity": "many"}]
    before = rejected()

    writer.write(
        whole(ITEM, more="X-Request-Id: first\r\n")
        + whole(ITEM, "hash-2", "X-Request-Id: second\r\n")
        + whole(b'[{"externalId":', more="X-Request-Id: third\r\n")
        + whole(some, more="X-Request-Id: fourth\r\n")
        + whole([{"externalId": ""}], more="X-Request-Id: fifth\r\n")
        + whole(ITEM, more="X-Request-Id: last\r\nConnection: close\r\n")
    )
    answers = [await answer(reader) for _ in range(6)]

    assert [202, 403, 400, 202, 422, 202] == [status for status, _, _ in answers]
    assert ["first", "second", "third", "fourth", "fifth", "last"] == [
        head.split("X-Request-Id: ")[1].split("\r\n")[0] for _, head, _ in answers
    ]
    assert (1, 1) == (answers[3][2]["accepted"], len(answers[3][2]["rejected"]))
    assert 2 == rejected() - before
    assert b"" == await reader.read()
    assert 4 == await edge.waiting()
    assert (0, 0) == (edge.posts.places.posts, edge.posts.places.bytes)


async def test_many_more_posts_than_a_connection_may_queue_are_all_answered(connected, closed_long_way):
    reader, writer = connected
    writer.write(whole(ITEM) * 100)

    assert {202} == {(await answer(reader))[0] for _ in range(100)}


async def test_of_a_sender_that_does_not_read_its_answers_no_more_is_taken_until_it_does(edge, connected):
    reader, writer = connected
    (connection,) = edge.server.connections
    connection.pause_writing()
    writer.write(whole(ITEM) * 3)
    assert 202 == (await answer(reader))[0]
    assert 202 == (await edge.post([ITEM]))[0]  # the broker would have confirmed it after theirs

    assert 3 == await edge.waiting()
    assert connection._coming is None  # a body that has come is kept no longer than its post
    connection.resume_writing()
    assert [202, 202] == [(await answer(reader))[0] for _ in range(2)]
    assert 5 == await edge.waiting()


def apart(body, **more):
    head, _, body = whole(body, **more).partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", body


async def test_bodies_that_come_behind_their_heads_are_held_from_there_on_and_answered_in_their_order(
    edge, connected, closed_long_way, until
):
    reader, writer = connected
    head, body = apart([ITEM, {"externalId": "2"}], more="X-Request-Id: first\r\n")
    writer.write(head)
    await until(lambda: edge.posts.places.bytes == len(body))
    writer.write(body[:9])
    writer.write(body[9:] + head.replace(b"first", b"second") + body[:1])
    first = await answer(reader)
    await until(lambda: edge.posts.places.bytes == len(body))
    writer.write(body[1:] + whole(ITEM, more="X-Request-Id: last\r\nConnection: close\r\n"))
    answers = [first, await answer(reader), await answer(reader)]

    assert [(202, 2), (202, 2), (202, 1)] == [(status, told["accepted"]) for status, _, told in answers]
    assert ["first", "second", "last"] == [head.split("X-Request-Id: ")[1].split("\r\n")[0] for _, head, _ in answers]
    assert b"" == await reader.read()
    assert (0, 0) == (edge.posts.places.posts, edge.posts.places.bytes)


async def test_the_largest_body_that_may_come_behind_its_head_is_read_though_nobody_takes_of_it(
    edge, connected, closed_long_way
):
    reader, writer = connected
    head, body = apart(orjson.dumps(ITEM).ljust(_APART_BYTES))
    writer.write(head)
    await writer.drain()
    writer.write(body)

    assert 202 == (await answer(reader))[0]


async def test_a_body_that_is_late_or_wrong_is_refused_as_any_other(edge, connected, until, monkeypatch):
    reader, writer = connected
    for head, body in (apart([{"externalId": ""}]), apart(ITEM, webhook_hash="hash-2"), apart(ITEM)):
        writer.write(head)
        await writer.drain()
        writer.write(body)
    assert [422, 403, 202] == [(await answer(reader))[0] for _ in range(3)]

    monkeypatch.setattr(bodies, "READ_TIMEOUT_S", 0.1)
    writer.write(apart(ITEM)[0])
    status, _, told = await answer(reader)
    assert (408, "edge.body.slow") == (status, told["title"])
    assert (0, 0) == (edge.posts.places.posts, edge.posts.places.bytes)


async def test_a_stop_waits_for_a_body_that_arrives_but_not_longer_than_it_may(edge, connected, until):
    reader, writer = connected
    head, body = apart(ITEM)
    late, other = await asyncio.open_connection(*writer.get_extra_info("peername")[:2])
    writer.write(head)
    other.write(head)
    await until(lambda: edge.posts.places.posts == 2)
    edge.server.pre_shutdown()
    stop = asyncio.create_task(edge.server.shutdown(4))
    writer.write(body)

    assert 202 == (await answer(reader))[0]
    assert [b"", b""] == [await reader.read(), await late.read()]
    await stop
    assert (0, 0) == (edge.posts.places.posts, edge.posts.places.bytes)
    other.close()


async def test_what_the_broker_does_not_take_is_refused_and_the_connection_goes_on(edge, connected, suspended, until):
    reader, writer = connected
    with suspended():
        writer.write(whole(ITEM) + whole(ITEM, "hash-3"))
        first, second = [await answer(reader) for _ in range(2)]
        held = edge.posts.places.posts

    assert (503, "edge.queue.timeout", 1) == (first[0], first[2]["title"], held)
    assert "Retry-After: 2" in first[1]
    assert 403 == second[0]
    await until(lambda: edge.posts.places.posts == 0)
    async with aiormq.connect(edge.settings.amqp) as connection:
        await (await connection.channel()).queue_delete(shard_queue(1))
    writer.write(whole(ITEM))
    assert 202 == (await answer(reader))[0]  # it came back, and was held until its slot was bound
    assert 0 == edge.posts.places.posts


async def test_a_sender_that_goes_while_its_post_is_at_the_broker_leaves_nothing_behind(
    edge, connected, suspended, until
):
    _, writer = connected
    with capture_logs() as logs, suspended():
        writer.write(whole(ITEM))
        await until(lambda: edge.posts.places.posts == 1)
        writer.transport.abort()
        await until(lambda: not edge.server.connections and not edge.publisher._wire._waiting)
        await asyncio.sleep(0)  # what waited for the confirm has heard that it is late
        assert 1 == edge.posts.places.posts
    await until(lambda: edge.posts.places.posts == 0)

    assert 2 == await edge.waiting()
    assert [] == [line for line in logs if line["log_level"] == "error"]


async def test_a_failure_of_ours_is_500_and_logged(edge, connected, monkeypatch):
    reader, writer = connected
    monkeypatch.setattr(edge.posts, "_answer", None)
    with capture_logs() as logs:
        writer.write(whole(ITEM, more="X-Request-Id: mine\r\n"))
        status, head, told = await answer(reader)

    assert (500, "edge.internal") == (status, told["title"])
    assert "X-Request-Id: mine" in head
    assert ["mine"] == [line["request_id"] for line in logs if line["event"] == "post_failed"]
