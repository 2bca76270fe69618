"""Servers that do not behave: refusals, silence, dripping, too much, no HTTP, no certificate."""

import asyncio
from dataclasses import replace

import pytest
from aiohttp import web

from ingest.pull.fetch import (
    FetchError,
    FetchRequest,
    FetchUnavailable,
    fetch,
)
from tests.integration.pull.fetch.answers import CSV, answering, head, text


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


async def test_a_certificate_of_an_unknown_authority_is_refused(tls_vendor, context):
    with pytest.raises(FetchError) as caught:
        await fetch(FetchRequest(f"{tls_vendor.url}/f"), replace(context, tls=None))

    assert "certificate" == caught.value.code


async def test_https_to_a_plain_server_takes_no_connection(vendor, context):
    with pytest.raises(FetchUnavailable) as caught:
        await fetch(FetchRequest(f"{vendor.url.replace('http', 'https')}/f"), context)

    assert "connect" == caught.value.code


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
