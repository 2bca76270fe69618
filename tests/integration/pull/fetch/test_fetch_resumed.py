"""A transfer over HTTP that breaks off: resumed where it can be, never mixed, told when it is short."""

import base64
import gzip
import hashlib
import random
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from aiohttp import web

from ingest.pull.fetch import (
    FetchRequest,
    FetchUnavailable,
    Validators,
    fetch,
)
from tests.integration.pull.fetch.answers import CSV, answering, head, ranged, text


@pytest.fixture
def cut(arrived):
    """Declare the whole body, send a part of it, and hang up when some of that has been kept."""

    def cut_at(body, at, **headers):
        async def handle(request):
            response = web.StreamResponse(headers={"Content-Length": str(len(body)), **headers})
            await response.prepare(request)
            await response.write(body[:at])
            if at:
                await arrived()
            request.transport.close()
            return response

        return handle

    return cut_at


async def test_a_cut_transfer_is_resumed_where_it_broke_off(vendor, cut, context):
    vendor.answers["/f"] = [cut(CSV, 400_000, ETag='"v1"'), ranged(CSV)]

    result = await fetch(FetchRequest(f"{vendor.url}/f"), context)

    resumed = vendor.requests[1].headers
    assert (1, '"v1"') == (result.resumed, resumed["If-Range"])
    assert resumed["Range"].startswith("bytes=")
    assert resumed["Range"] != "bytes=0-"
    assert (CSV, hashlib.sha256(CSV).hexdigest()) == (result.path.read_bytes(), result.content_hash)


async def test_a_resumed_file_is_described_as_its_first_answer_described_it(vendor, cut, context):
    """A server that continues a file with 206 need not repeat its headers but ETag and the like (RFC 9110, 15.3.7)."""
    packed = gzip.compress(random.Random(1).randbytes(600_000))
    described = {"ETag": '"v1"', "Content-Type": "text/csv; charset=latin-1", "Content-Encoding": "gzip"}

    def bare(request):
        start = request.http_range.start
        headers = {"Content-Range": f"bytes {start}-{len(packed) - 1}/{len(packed)}", "ETag": '"v1"'}
        return web.Response(status=206, body=packed[start:], headers=headers)

    vendor.answers["/f"] = [cut(packed, 400_000, **described), bare]

    result = await fetch(FetchRequest(f"{vendor.url}/f"), context)

    assert (1, packed) == (result.resumed, result.path.read_bytes())
    assert ("text/csv", "latin-1", "gzip", '"v1"') == (
        result.content_type,
        result.charset,
        result.content_encoding,
        result.validators.etag,
    )


async def test_a_last_modified_of_long_ago_serves_to_resume(vendor, cut, context):
    modified = "Sun, 22 Nov 2026 10:00:00 GMT"
    date = format_datetime(datetime(2026, 11, 22, 10, 5, tzinfo=UTC), usegmt=True)
    dated = {"Last-Modified": modified, "Date": date}
    vendor.answers["/f"] = [cut(CSV, 400_000, **dated), text(CSV)]

    await fetch(FetchRequest(f"{vendor.url}/f"), context)

    assert modified == vendor.requests[1].headers["If-Range"]


@pytest.mark.parametrize("headers", [{}, {"ETag": 'W/"v1"'}, {"Last-Modified": "Sun, 22 Nov 2126 10:00:00 GMT"}])
async def test_without_a_strong_validator_a_cut_transfer_begins_again(vendor, cut, context, headers):
    vendor.answers["/f"] = [cut(CSV, 400_000, **headers), text(CSV)]

    result = await fetch(FetchRequest(f"{vendor.url}/f"), context)

    assert "Range" not in vendor.requests[1].headers
    assert (0, CSV) == (result.resumed, result.path.read_bytes())


async def test_a_file_that_changed_meanwhile_is_fetched_anew_and_never_mixed(vendor, cut, context):
    newer = CSV.replace(b"3", b"4")
    vendor.answers["/f"] = [cut(CSV, 400_000, ETag='"v1"'), ranged(newer, '"v2"')]

    result = await fetch(FetchRequest(f"{vendor.url}/f"), context)

    assert (newer, hashlib.sha256(newer).hexdigest()) == (result.path.read_bytes(), result.content_hash)
    assert ('"v2"', 0) == (result.validators.etag, result.resumed)


@pytest.mark.parametrize("headers", [{}, {"ETag": '"v2"'}, {"ETag": 'W/"v1"'}])
async def test_a_continuation_that_does_not_name_the_version_begun_is_fetched_anew_at_once(
    vendor, cut, limited, pauses, headers
):
    newer = CSV.replace(b"3", b"4")

    def careless(request):  # of the same length, and If-Range ignored
        start = request.http_range.start
        place = {"Content-Range": f"bytes {start}-{len(newer) - 1}/{len(newer)}"}
        return web.Response(status=206, body=newer[start:], headers=place | headers)

    vendor.answers["/f"] = [cut(CSV, 400_000, ETag='"v1"'), careless, text(newer)]

    result = await fetch(FetchRequest(f"{vendor.url}/f"), limited(attempts=2))

    assert (newer, 0, [1]) == (result.path.read_bytes(), result.resumed, pauses.taken)


@pytest.mark.parametrize("content_range", ["bytes 0-9/10", "bytes 5-9/*", "rubbish"])
async def test_a_continuation_from_another_place_is_not_taken(vendor, cut, context, content_range):
    wrong = lambda _r: web.Response(status=206, body=b"x", headers={"Content-Range": content_range})  # noqa: E731
    vendor.answers["/f"] = [cut(CSV, 400_000, ETag='"v1"'), wrong, text(CSV)]

    result = await fetch(FetchRequest(f"{vendor.url}/f"), context)

    assert CSV == result.path.read_bytes()


async def test_a_range_that_cannot_be_had_is_fetched_whole(vendor, cut, context):
    vendor.answers["/f"] = [cut(CSV, 400_000, ETag='"v1"'), lambda _r: web.Response(status=416), text(CSV)]

    result = await fetch(FetchRequest(f"{vendor.url}/f"), context)

    assert CSV == result.path.read_bytes()


async def test_all_that_came_of_a_body_that_breaks_off_is_kept_and_counted(vendor, limited):
    async def cut_at_once(request):
        response = web.StreamResponse(headers={"Content-Length": "5000"})
        await response.prepare(request)
        await response.write(CSV[:1_000])
        request.transport.close()
        return response

    vendor.answers["/f"] = cut_at_once

    result = await fetch(FetchRequest(f"{vendor.url}/f", keep_short=True), limited(attempts=1))

    assert (True, 1_000, 5_000) == (result.short, result.size, result.declared_length)


@pytest.mark.parametrize(
    ("head", "proven"),
    [
        ("Connection: close\r\n\r\nsku\n1\n", False),
        ("Content-Length: 6\r\n\r\nsku\n1\n", True),
        ("Transfer-Encoding: chunked\r\n\r\n6\r\nsku\n1\n\r\n0\r\n\r\n", True),
    ],
)
async def test_it_is_told_whether_the_transfer_proves_that_all_came(raw_server, context, head, proven):
    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 200 OK\r\n{head}".encode())

    result = await fetch(FetchRequest(f"http://127.0.0.1:{await raw_server(answer)}/f"), context)

    assert (b"sku\n1\n", proven) == (result.path.read_bytes(), result.proven)


async def test_a_body_shorter_than_declared_is_truncated_and_leaves_nothing(vendor, cut, context, leftovers):
    vendor.answers["/f"] = cut(CSV, 0)

    with pytest.raises(FetchUnavailable) as caught:
        await fetch(FetchRequest(f"{vendor.url}/f"), context)

    assert ("truncated", 4) == (caught.value.code, len(vendor.requests))
    assert [] == leftovers()


async def test_a_short_file_is_kept_for_who_asks_for_it_without_the_validators_of_the_whole(vendor, cut, limited):
    vendor.answers["/f"] = cut(CSV, 400_000, ETag='"v1"', **{"Content-Type": "text/csv; charset=latin-1"})

    result = await fetch(FetchRequest(f"{vendor.url}/f", keep_short=True), limited(attempts=1))

    assert (True, True) == (result.short, 0 < result.size < result.declared_length)
    assert CSV.startswith(result.path.read_bytes())
    assert (Validators(content_hash=result.content_hash), "latin-1") == (result.validators, result.charset)


async def test_a_chunked_body_that_breaks_off_is_no_whole_file(raw_server, context):
    port = await raw_server(*[answering(head(Transfer_Encoding="chunked"), b"5\r\na,b,c\r\n")] * 4)

    with pytest.raises(FetchUnavailable) as caught:
        await fetch(FetchRequest(f"http://127.0.0.1:{port}/f"), context)

    assert "interrupted" == caught.value.code


async def test_bytes_with_another_checksum_are_fetched_anew_and_at_last_kept_as_such(vendor, limited):
    right, wrong = (base64.b64encode(hashlib.sha256(body).digest()).decode() for body in (CSV, b"x"))
    vendor.answers["/mended"] = [
        text(b"x", ETag='"v1"', **{"Repr-Digest": f"sha-256=:{right}:"}),
        text(CSV, **{"Repr-Digest": f"sha-256=:{right}:"}),
    ]
    vendor.answers["/f"] = text(CSV, Digest=f"sha-256={wrong}")

    mended = await fetch(FetchRequest(f"{vendor.url}/mended"), limited(attempts=2))
    assert (CSV, None) == (mended.path.read_bytes(), mended.differs)
    assert [None, None] == [request.headers.get("Range") for request in vendor.requests]
    with pytest.raises(FetchUnavailable, match="came with a Digest of other bytes"):
        await fetch(FetchRequest(f"{vendor.url}/f"), limited(attempts=2))
    result = await fetch(FetchRequest(f"{vendor.url}/f", keep_short=True), limited(attempts=1))
    assert ("Digest", False, CSV) == (result.differs, result.short, result.path.read_bytes())
    assert Validators(content_hash=result.content_hash) == result.validators
