"""What RFC 9110 and 9112 say of requests that few senders make, and what becomes of connections that misbehave."""

import asyncio
import contextlib
import gzip
import re
import time
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import orjson
import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from ingest.edge import connection
from ingest.edge.post import PATH

ITEM = b'{"externalId":"1234","inventoryQuantity":10}'
HEAD = b"POST %s HTTP/1.1\r\nHost: edge\r\njetti-webhook-hash: hash-1\r\nContent-Type: application/json\r\n"


@contextlib.asynccontextmanager
async def connected(edge):
    address = urlsplit(edge.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def answered(reader):
    """Read one answer; returns (status, body)."""
    async with asyncio.timeout(120):
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
        )
        return int(head.split(b" ")[1]), orjson.loads(await reader.readexactly(length))


async def ended(reader):
    """Wait for the end of a connection; returns what it said before."""
    try:
        return await reader.read()
    except ConnectionResetError:  # more was sent than it wanted to read
        return b""


async def sent(edge, *parts):
    async with connected(edge) as (reader, writer):
        for part in parts:
            writer.write(part)
        return await answered(reader)


def chunked(body):
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


@pytest.mark.parametrize("target", [b"http://edge.example:8080%b", b"HTTPS://edge%b?a=b", b"%b?a=b"])
async def test_a_target_in_absolute_form_is_the_same_path(edge, target):
    head = HEAD % (target % PATH.encode()) + b"Content-Length: %d\r\n\r\n" % len(ITEM)

    assert 202 == (await sent(edge, head, ITEM))[0]


async def test_http_1_0_gets_no_100_continue(edge):
    head = HEAD % PATH.encode() + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(ITEM)
    async with connected(edge) as (reader, writer):
        writer.write(head.replace(b"HTTP/1.1", b"HTTP/1.0"))
        await writer.drain()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await reader.readexactly(1)
        writer.write(ITEM)
        assert 202 == (await answered(reader))[0]


async def test_a_sender_that_ends_its_side_behind_a_whole_post_is_answered(edge):
    of_length = b"Content-Length: %d\r\n\r\n%b" % (len(ITEM), ITEM)
    head = HEAD % PATH.encode()
    for sent, answers in (
        (head + of_length, [b"HTTP/1.1 202"]),
        (head.replace(b"HTTP/1.1", b"HTTP/1.0") + of_length, [b"HTTP/1.0 202"]),
        (head + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(ITEM), [b"HTTP/1.1 202"]),
        (head.replace(b"hash-1", b"hash-2") + of_length, [b"HTTP/1.1 403"]),
        (head + of_length[:-1], []),
    ):
        async with connected(edge) as (reader, writer):
            writer.write(sent)
            writer.write_eof()
            assert answers == re.findall(rb"HTTP/1\.\d \d{3}", await ended(reader))

    assert 3 == await edge.waiting()
    assert 0 == edge.posts.places.posts


async def test_a_trailer_of_one_post_is_no_header_of_the_next(edge):
    body = chunked(ITEM)
    head, trailer = HEAD % PATH.encode() + b"Transfer-Encoding: chunked\r\n\r\n", b"jetti-webhook-hash: hash-2\r\n\r\n"
    next_one = HEAD % PATH.encode() + b"Content-Length: %d\r\n\r\n%b" % (len(ITEM), ITEM)
    async with connected(edge) as (reader, writer):
        for parts in ([head + body], [head, body[:-2], body[-2:]], [next_one]):
            for part in parts:
                writer.write(part)
                await asyncio.sleep(0)
            assert 202 == (await answered(reader))[0]
        writer.write(head + body[:-2] + trailer)
        assert 202 == (await answered(reader))[0]
        writer.write(next_one)
        assert b"" == await ended(reader)

    assert 4 == await edge.waiting()


async def test_a_body_whose_chunks_break_off_wrongly_is_refused_at_once(edge, until):
    async with connected(edge) as (reader, writer):
        writer.write(HEAD % PATH.encode() + b"Transfer-Encoding: chunked\r\n\r\n2c\r\n")
        await until(lambda: edge.posts.places.posts == 1)
        writer.write(ITEM + b"\r\n-1\r\n")
        status, problem = await answered(reader)

        assert (400, "edge.body.broken") == (status, problem["title"])
        assert b"" == await ended(reader)
    assert 0 == edge.posts.places.posts


async def test_a_gzip_transfer_coding_is_undone_and_another_is_501(edge):
    head = HEAD % PATH.encode() + b"Transfer-Encoding: %b\r\n\r\n"

    assert 202 == (await sent(edge, head % b"gzip, chunked", chunked(gzip.compress(ITEM))))[0]
    status, answer = await sent(edge, head % b"deflate, chunked", chunked(ITEM))
    assert (501, "edge.body.transfer_coding") == (status, answer["title"])
    bomb = chunked(gzip.compress(b" " * 2**24))
    assert 413 == (await sent(edge, head % b"gzip, chunked", bomb))[0]


async def test_connections_that_say_nothing_or_drip_their_head_are_ended(edge, until, monkeypatch):
    body = b"Content-Length: %d\r\n\r\n" % len(ITEM) + ITEM
    async with AsyncExitStack() as open_ones:
        again = await open_ones.enter_async_context(connected(edge))
        again[1].write(HEAD % PATH.encode() + body[:-1])
        await until(lambda: edge.posts.places.posts == 1)
        monkeypatch.setattr(connection, "HEAD_S", 0.3)
        again[1].write(body[-1:])
        assert 202 == (await answered(again[0]))[0]
        again[1].write(HEAD[:5] + PATH.encode())  # a second head that does not end
        silent, dripping = [await open_ones.enter_async_context(connected(edge)) for _ in range(2)]

        async def drip():
            with contextlib.suppress(ConnectionError):
                for byte in HEAD % PATH.encode() + b"X: " + b"y" * 1_000:
                    dripping[1].write(bytes([byte]))
                    await dripping[1].drain()
                    await asyncio.sleep(0.1)  # for longer than this test may take

        dripper = asyncio.create_task(drip())
        async with asyncio.timeout(60):
            ends = [await ended(reader) for reader, _ in (silent, dripping, again)]
        dripper.cancel()

    assert [b"", b"", b""] == ends
    monkeypatch.undo()
    assert 202 == (await sent(edge, HEAD % PATH.encode() + body))[0]


async def test_a_slow_body_has_its_own_time_and_is_no_late_head(edge, until, monkeypatch):
    monkeypatch.setattr(connection, "HEAD_S", 2.0)
    async with connected(edge) as (reader, writer):
        writer.write(HEAD % PATH.encode() + b"Content-Length: %d\r\n\r\n" % len(ITEM))
        await until(lambda: edge.posts.places.posts == 1)
        async with connected(edge) as (silent, _):
            assert b"" == await ended(silent)  # what came after the head of the other one is late by now
        writer.write(ITEM)
        assert 202 == (await answered(reader))[0]


def failed():
    return REGISTRY.get_sample_value("feedline_posts_total", {"status": "500"})


async def test_a_sender_that_goes_in_mid_body_is_no_error_of_ours(edge, until):
    before = failed()
    with capture_logs() as logs:
        async with connected(edge) as (_, writer):
            writer.write(HEAD % PATH.encode() + b"Content-Length: 1000\r\n\r\n[")
            await writer.drain()
            await until(lambda: edge.posts.places.posts == 1)
        await until(lambda: edge.posts.places.posts == 0)
        await until(lambda: any(line.get("code") == "edge.body.gone" for line in logs))

    assert [] == [line for line in logs if line["log_level"] == "error"]
    assert before == failed()


async def test_a_new_feed_and_a_rotated_hash_are_taken_at_once(running_edge, edge_settings, seeded):
    async with running_edge(edge_settings) as edge:
        await seeded.execute("ALTER TABLE inventory_feeds DISABLE TRIGGER feeds_changed")  # no notice comes
        await seeded.execute(
            "INSERT INTO inventory_feeds (id, account_id, dropship_provider_id, name, resource_type, hash) "
            "VALUES (9, 1, 1, 'new', 'webhook', 'hash-9')"
        )
        await seeded.execute(
            "UPDATE inventory_feeds SET previous_hash = hash, hash = 'rotated', "
            "previous_hash_until = now() + interval '1 hour' WHERE id = 1"
        )

        told = [(await edge.post({"externalId": "1"}, name))[0] for name in ("hash-9", "rotated", "hash-1", "nobody")]

        assert [202, 202, 202, 401] == told


async def test_a_flood_of_made_up_hashes_leaves_the_feeds_alone(edge):
    begun = time.monotonic()
    edge.feeds._strangers._clock = lambda: begun  # however long it takes to send them
    answers = await asyncio.gather(*(edge.post({"externalId": "1"}, f"made-up-{number}") for number in range(60)))

    assert {401, 429} == {status for status, _, _ in answers}
    assert 202 == (await edge.post({"externalId": "1"}))[0]


async def test_a_suspended_account_takes_no_posts_and_says_why(edge, seeded, until):
    await seeded.execute("UPDATE accounts SET suspended_at = now(), suspended_reason = 'unpaid' WHERE id = 1")
    await seeded.execute("NOTIFY feeds_changed")
    await until(lambda: not edge.feeds.current.known("hash-1").enabled)

    status, answer, _ = await edge.post({"externalId": "1"})

    assert (403, "edge.feed.disabled") == (status, answer["title"])
    assert "suspended: unpaid" in answer["detail"]
