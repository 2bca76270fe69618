"""Fetching over HTTP(S) from servers that behave, and from those that do not."""

import asyncio
import gzip
import hashlib
import random
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from aiohttp import web

from ingest.pull.fetch import (
    Fetched,
    FetchError,
    FetchRequest,
    FetchUnavailable,
    NotModified,
    Validators,
    fetch,
    open_content,
)

CSV = b"sku,quantity\n" + b"".join(b"%d,%d\n" % (n, n % 7) for n in range(100_000))


def text(body, **headers):
    return lambda _request: web.Response(body=body, headers={"Content-Type": "text/csv", **headers})


def head(status="200 OK", **headers):
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def answering(*parts):
    """Read a request, write these bytes, hang up."""

    async def handle(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.writelines(parts)

    return handle


async def test_a_file_is_streamed_to_a_spool_file_and_described(vendor, context, leftovers):
    vendor.answers["/stock.csv"] = text(
        CSV,
        **{
            "Content-Type": "Text/CSV; charset=windows-1252",
            "ETag": '"v1"',
            "Last-Modified": "Sun, 22 Nov 2026 10:00:00 GMT",
            "Set-Cookie": "session=hunter2",
        },
    )

    result = await fetch(FetchRequest(f"{vendor.url}/stock.csv?key=hunter2"), context)

    assert isinstance(result, Fetched)
    assert CSV == result.path.read_bytes()
    assert 0o600 == result.path.stat().st_mode & 0o777
    digest = hashlib.sha256(CSV).hexdigest()
    assert Validators('"v1"', "Sun, 22 Nov 2026 10:00:00 GMT", digest, len(CSV)) == result.validators
    assert (len(CSV), len(CSV), digest) == (result.size, result.declared_length, result.content_hash)
    assert ("text/csv", "windows-1252") == (result.content_type, result.charset)
    assert "hunter2" not in f"{result!r}{result.headers}"
    assert "GET" == vendor.requests[0].method
    result.discard()
    assert [] == leftovers()


async def test_basic_credentials_of_the_address_are_sent_decoded(vendor, context):
    vendor.answers["/f"] = text(CSV)
    location = vendor.url.replace("http://", "http://us%65r:p%40ss%3A@") + "/f"

    await fetch(FetchRequest(location), context)

    assert "Basic dXNlcjpwQHNzOg==" == vendor.requests[0].headers["Authorization"]


@pytest.mark.parametrize(
    ("given", "header"),
    [(("abc", None), ("Authorization", "Bearer abc")), (("X-Api-Key:", "abc"), ("X-Api-Key", "abc"))],
)
async def test_tokens_are_sent_as_headers(vendor, context, given, header):
    vendor.answers["/f"] = text(CSV)

    await fetch(FetchRequest(f"{vendor.url}/f", *given), context)

    assert header in vendor.requests[0].headers.items()


async def test_an_answer_without_a_length_is_taken_in_chunks(vendor, context):
    async def chunked(request):
        response = web.StreamResponse()
        await response.prepare(request)
        for start in range(0, len(CSV), 1000):
            await response.write(CSV[start : start + 1000])
        return response

    vendor.answers["/f"] = chunked

    result = await fetch(FetchRequest(f"{vendor.url}/f"), context)

    assert (None, len(CSV)) == (result.declared_length, result.size)
    assert CSV == result.path.read_bytes()


async def test_gzip_as_a_transfer_coding_is_kept_and_undone_on_reading(vendor, context):
    vendor.answers["/f"] = text(gzip.compress(CSV), **{"Content-Encoding": "gzip"})

    result = await fetch(FetchRequest(f"{vendor.url}/f"), context)

    assert "gzip" == vendor.requests[0].headers["Accept-Encoding"]
    assert len(gzip.compress(CSV)) == result.size
    with open_content(result.path, content_encoding=result.content_encoding) as reader:
        assert CSV == reader.read()


async def test_a_gzip_file_is_read_by_its_content(vendor, context):
    vendor.answers["/stock.csv.gz"] = text(gzip.compress(CSV), **{"Content-Type": "application/octet-stream"})

    result = await fetch(FetchRequest(f"{vendor.url}/stock.csv.gz"), context)

    with open_content(result.path) as reader:
        assert CSV == reader.read()


async def test_validators_are_sent_and_an_unchanged_file_is_not_fetched(vendor, context, leftovers):
    vendor.answers["/f"] = lambda _request: web.Response(status=304)
    known = Validators('W/"v1"', "Sun, 22 Nov 2026 10:00:00 GMT", "abc", 5)

    result = await fetch(FetchRequest(f"{vendor.url}/f", validators=known), context)

    assert NotModified(known, "server") == result
    headers = vendor.requests[0].headers
    assert ('W/"v1"', "Sun, 22 Nov 2026 10:00:00 GMT") == (headers["If-None-Match"], headers["If-Modified-Since"])
    assert [] == leftovers()


async def test_the_same_bytes_are_not_modified_even_if_the_server_does_not_say_so(vendor, context, leftovers):
    vendor.answers["/f"] = text(CSV, ETag='"v2"')
    known = Validators('"v1"', None, hashlib.sha256(CSV).hexdigest(), len(CSV))

    result = await fetch(FetchRequest(f"{vendor.url}/f", validators=known), context)

    assert isinstance(result, NotModified)
    assert ("content hash", '"v2"') == (result.by, result.validators.etag)
    assert [] == leftovers()


async def test_an_html_page_where_a_file_was_expected_is_an_error(vendor, context, leftovers):
    vendor.answers["/f"] = lambda _request: web.Response(text="<!doctype html><html>Log in", content_type="text/html")

    with pytest.raises(FetchError, match="HTML page where a file was expected") as caught:
        await fetch(FetchRequest(f"{vendor.url}/f"), context)

    assert "html" == caught.value.code
    assert [] == leftovers()


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "unauthorized"),
        (403, "unauthorized"),
        (404, "not_found"),
        (410, "not_found"),
        (400, "refused"),
        (204, "protocol"),
        (206, "protocol"),
        (304, "protocol"),
        (300, "protocol"),
    ],
)
async def test_a_refusal_is_not_tried_again(vendor, context, status, code):
    vendor.answers["/f"] = lambda _request: web.Response(status=status)

    with pytest.raises(FetchError) as caught:
        await fetch(FetchRequest(f"{vendor.url}/f"), context)

    assert code == caught.value.code
    assert 1 == len(vendor.requests)


@pytest.mark.parametrize(
    ("status", "code"), [(500, "server_error"), (502, "server_error"), (429, "busy"), (202, "busy")]
)
async def test_a_failing_server_is_asked_again_with_growing_pauses(vendor, context, pauses, status, code):
    vendor.answers["/f"] = lambda _request: web.Response(status=status)

    with pytest.raises(FetchUnavailable) as caught:
        await fetch(FetchRequest(f"{vendor.url}/f"), context)

    assert code == caught.value.code
    assert (4, [1, 2, 4]) == (len(vendor.requests), pauses.taken)


async def test_a_server_that_recovers_gives_its_file(vendor, context, pauses):
    vendor.answers["/f"] = [lambda _r: web.Response(status=503, headers={"Retry-After": "17"}), text(CSV)]

    result = await fetch(FetchRequest(f"{vendor.url}/f"), context)

    assert (len(CSV), [17]) == (result.size, pauses.taken)


async def test_a_long_wish_for_patience_ends_the_fetch(vendor, context, pauses):
    vendor.answers["/f"] = lambda _request: web.Response(status=503, headers={"Retry-After": "3600"})

    with pytest.raises(FetchUnavailable) as caught:
        await fetch(FetchRequest(f"{vendor.url}/f"), context)

    assert (3600, [], 1) == (caught.value.retry_after_s, pauses.taken, len(vendor.requests))


def ranged(body, etag='"v1"'):
    """Serve ranges as RFC 9110 has it."""

    def handle(request):
        wanted = request.http_range.start
        headers = {"ETag": etag, "Content-Type": "text/csv"}
        if wanted is None or request.headers.get("If-Range") != etag:
            return web.Response(body=body, headers=headers)
        headers["Content-Range"] = f"bytes {wanted}-{len(body) - 1}/{len(body)}"
        return web.Response(status=206, body=body[wanted:], headers=headers)

    return handle


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


ASKED = "/a%2Fb%20c/d+e?X-Amz-Signature=%2fA%3D%3d&next=x%20y+z&q=~'|!*()"


async def test_an_address_is_asked_for_byte_for_byte(raw_server, context):
    asked = []

    async def answer(reader, writer):
        asked.append((await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode())
        place = "/b c%20d?e=%2F f" if len(asked) == 1 else None
        status = f"302 Found\r\nLocation: {place}" if place else "403 Forbidden"
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())

    port = await raw_server(answer, answer)
    with pytest.raises(FetchError) as redirected:
        await fetch(FetchRequest(f"http://127.0.0.1:{port}{ASKED}"), context)
    port = await raw_server(answer)
    with pytest.raises(FetchError) as signed:
        await fetch(FetchRequest(f"http://127.0.0.1:{port}{ASKED}"), context)

    assert [ASKED, "/b%20c%20d?e=%2F%20f", ASKED] == asked
    assert ("unauthorized", "signature") == (redirected.value.code, signed.value.code)
    assert "ask the vendor for a new one" in str(signed.value)


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


@pytest.mark.parametrize("coding", ["br", "deflate", "zstd"])
async def test_a_coding_that_was_not_asked_for_is_refused(vendor, context, coding):
    vendor.answers["/f"] = text(CSV, **{"Content-Encoding": coding})

    with pytest.raises(FetchError) as caught:
        await fetch(FetchRequest(f"{vendor.url}/f"), context)

    assert "content_unsupported" == caught.value.code


@pytest.mark.parametrize("coding", ["identity", "utf-8", ""])
async def test_a_coding_that_is_none_means_nothing(vendor, context, coding):
    vendor.answers["/f"] = text(CSV, **{"Content-Encoding": coding})

    assert len(CSV) == (await fetch(FetchRequest(f"{vendor.url}/f"), context)).size


async def test_a_chunked_body_that_breaks_off_is_no_whole_file(raw_server, context):
    port = await raw_server(*[answering(head(Transfer_Encoding="chunked"), b"5\r\na,b,c\r\n")] * 4)

    with pytest.raises(FetchUnavailable) as caught:
        await fetch(FetchRequest(f"http://127.0.0.1:{port}/f"), context)

    assert "interrupted" == caught.value.code


@pytest.mark.parametrize(
    "answer",
    [
        b"220 FTP ready\r\n",
        head("200 OK", Content_Length="x"),
        head("200 OK", Content_Length="5, 6"),
        b"HTTP/1.1 200 OK\r\n\0:\r\n\r\n",
        head(Transfer_Encoding="chunked") + b"zz\r\n",
        head(X="y" * 100_000),
    ],
)
async def test_an_answer_that_is_not_http_is_an_error(raw_server, context, answer, leftovers):
    port = await raw_server(*[answering(answer)] * 4)

    with pytest.raises((FetchError, FetchUnavailable)) as caught:
        await fetch(FetchRequest(f"http://127.0.0.1:{port}/f"), context)

    assert caught.value.code in ("protocol", "interrupted")
    assert [] == leftovers()


async def test_a_server_that_hangs_up_without_a_word_is_asked_again(raw_server, context):
    port = await raw_server(answering(), answering(head(Content_Length=4), b"a,b\n"))

    result = await fetch(FetchRequest(f"http://127.0.0.1:{port}/f"), context)

    assert b"a,b\n" == result.path.read_bytes()


async def test_nobody_listening_is_unavailable(raw_server, context, unused_tcp_port):
    with pytest.raises(FetchUnavailable) as caught:
        await fetch(FetchRequest(f"http://127.0.0.1:{unused_tcp_port}/f"), context)

    assert "connect" == caught.value.code


@pytest.mark.parametrize("parts", [[], [head(Content_Length=100)], [head(Content_Length=100), b"a,b\n"]])
async def test_a_server_that_falls_silent_is_given_up_on(raw_server, limited, parts):
    silence = asyncio.Event()

    async def silent(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.writelines(parts)
        await silence.wait()

    port = await raw_server(silent)
    with pytest.raises(FetchUnavailable) as caught:
        await fetch(FetchRequest(f"http://127.0.0.1:{port}/f"), limited(read_timeout_ms=50, attempts=1))
    silence.set()

    assert "timeout" == caught.value.code


async def test_a_server_that_drips_is_bounded_by_the_total_time(raw_server, limited, leftovers):
    async def dripping(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head(Content_Length=10**9))
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0)

    port = await raw_server(dripping)
    with pytest.raises(FetchUnavailable) as caught:
        await fetch(FetchRequest(f"http://127.0.0.1:{port}/f"), limited(total_timeout_ms=100))

    assert "timeout" == caught.value.code
    assert [] == leftovers()


async def test_a_file_over_the_limit_is_refused_by_its_declared_length(raw_server, limited, leftovers):
    """Before any of it has come: the server sends nothing more."""
    silence = asyncio.Event()

    async def boast(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head(Content_Length=1001))
        await silence.wait()

    port = await raw_server(boast)
    with pytest.raises(FetchError) as caught:
        await fetch(FetchRequest(f"http://127.0.0.1:{port}/f"), limited(max_bytes=1000))
    silence.set()

    assert "too_large" == caught.value.code
    assert [] == leftovers()


async def test_a_file_over_the_limit_is_refused_as_it_comes(vendor, limited):
    async def endless(request):
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(bytes(65_536))
        except ConnectionError:
            return response

    vendor.answers["/f"] = endless

    with pytest.raises(FetchError) as caught:
        await fetch(FetchRequest(f"{vendor.url}/f"), limited(max_bytes=1_000_000))

    assert "too_large" == caught.value.code


async def test_https_is_verified(tls_vendor, context, certificates):
    tls_vendor.answers["/f"] = text(CSV)

    assert len(CSV) == (await fetch(FetchRequest(f"{tls_vendor.url}/f"), context)).size


async def test_a_certificate_of_an_unknown_authority_is_refused(tls_vendor, context):
    with pytest.raises(FetchError) as caught:
        await fetch(FetchRequest(f"{tls_vendor.url}/f"), replace(context, tls=None))

    assert "certificate" == caught.value.code


async def test_https_to_a_plain_server_takes_no_connection(vendor, context):
    with pytest.raises(FetchUnavailable) as caught:
        await fetch(FetchRequest(f"{vendor.url.replace('http', 'https')}/f"), context)

    assert "connect" == caught.value.code


async def test_a_cancelled_fetch_leaves_no_file(raw_server, context, leftovers):
    reached, silence = asyncio.Event(), asyncio.Event()

    async def halfway(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.writelines([head(Content_Length=1000), b"a,b\n"])
        await writer.drain()
        reached.set()
        await silence.wait()

    port = await raw_server(halfway)
    task = asyncio.create_task(fetch(FetchRequest(f"http://127.0.0.1:{port}/f"), context))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    silence.set()

    assert [] == leftovers()


async def test_no_error_and_no_log_holds_a_credential(vendor, context, caplog):
    caplog.set_level("DEBUG")
    location = vendor.url.replace("http://", "http://hunter1:hunter2@") + "/hunter?key=hunter3"
    errors = []
    for status in (200, 401, 404, 302, 500):
        vendor.answers["/hunter"] = lambda _r, s=status: web.Response(
            status=s, text="<html>hunter4", headers={"Location": "http://hunter5:hunter6@[/?x=hunter7"}
        )
        with pytest.raises((FetchError, FetchUnavailable)) as caught:
            await fetch(FetchRequest(location, "X-Key:", "hunter8"), context)
        errors.append(f"{caught.value!s}{caught.value!r}{caught.value.__cause__!r}{caught.value.args!r}")

    assert "hunter?key=********" in errors[0]
    for number in range(1, 9):
        assert f"hunter{number}" not in "".join(errors) + caplog.text
