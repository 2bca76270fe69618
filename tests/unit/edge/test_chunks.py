"""A chunked body ends plainly, or its connection ends with it: tried over aiohttp's own parser."""

import asyncio
from unittest.mock import Mock

import pytest
from aiohttp.http import HttpRequestParser

from ingest.edge.chunks import Chunks

HEAD = b"POST / HTTP/1.1\r\nHost: edge\r\nTransfer-Encoding: chunked\r\n\r\n"
PLAIN = b"POST / HTTP/1.1\r\nHost: edge\r\nContent-Length: 0\r\n\r\n"


async def end_plainly(*reads):
    parser = HttpRequestParser(Mock(_reading_paused=False), asyncio.get_running_loop(), 2**16)
    chunks = Chunks()
    return [chunks.end_plainly(data, parser.feed_data(data)[0]) for data in reads]


@pytest.mark.parametrize(
    "reads",
    [
        [HEAD + b"1\r\na\r\n0\r\n\r\n"],
        [HEAD + b"0\r\n\r\n"],
        [HEAD, b"5\r\n0\r\n\r\n\r\n0\r\n\r\n"],
        [HEAD, b"1\r\na\r\n", b"0", b"\r", b"\n\r", b"\n", PLAIN],
        [PLAIN + PLAIN],
        [PLAIN + HEAD, b"0\r\n\r\n", HEAD + b"0\r\n\r\n"],
    ],
)
async def test_a_body_without_more_leaves_the_connection_as_it_is(reads):
    assert [True] * len(reads) == await end_plainly(*reads)


@pytest.mark.parametrize(
    "reads",
    [
        [HEAD + b"1\r\na\r\n0\r\nX-A: b\r\n\r\n"],
        [HEAD, b"0\r\n", b"X-A: b\r\n0: 0\r\n", b"\r\n"],
        [HEAD, b"0\r\nX-A: b\r\n\r\n" + PLAIN],
        [PLAIN + HEAD + b"0\r\nX-A: b\r\n\r\n"],
        [HEAD + b"0\r\nX-A: b\r\n\r\n" + HEAD + b"0\r\n\r\n"],
        [HEAD, b"0\r\nX-A: b\r\n\r\nPOST"],
    ],
)
async def test_a_body_with_trailers_ends_it_wherever_reads_end(reads):
    *before, last = await end_plainly(*reads)

    assert ([True] * len(before), False) == (before, last)
