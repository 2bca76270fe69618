"""Fetching over HTTP(S) from servers that behave."""

import asyncio
import gzip
import hashlib
import tempfile

import pytest
from aiohttp import web

from ingest.pull.fetch import (
    Fetched,
    FetchError,
    FetchRequest,
    NotModified,
    Validators,
    fetch,
    open_content,
)
from tests.integration.pull.fetch.answers import CSV, head, text
from tests.threads import Slow


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


async def test_https_is_verified(tls_vendor, context, certificates):
    tls_vendor.answers["/f"] = text(CSV)

    assert len(CSV) == (await fetch(FetchRequest(f"{tls_vendor.url}/f"), context)).size


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


async def test_a_fetch_that_is_cancelled_while_its_file_is_made_leaves_none(vendor, context, leftovers, monkeypatch):
    slow = Slow(tempfile.mkstemp)
    monkeypatch.setattr(tempfile, "mkstemp", slow)

    await slow.outlive(asyncio.create_task(fetch(FetchRequest(f"{vendor.url}/f"), context)))

    assert [] == leftovers()
