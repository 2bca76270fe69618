"""The body of a post: from bytes to a list of 1 to 50 decoded elements, within bounds, with errors that say where.

Pure but for `read`, which takes the bytes off the connection. Every limit holds before and after decompression.
"""

from __future__ import annotations

import asyncio
import functools
import re
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson
from aiohttp import HttpVersion11, StreamReader, web
from aiohttp.http_exceptions import HttpProcessingError

from ingest.http.json_bodies import Repeated, loads
from ingest.http.problems import ProblemError
from schemas.items import MAX_ITEMS

MAX_DEPTH: Final = 32
MAX_VALUES: Final = 32_768
"""Values of a body, at all depths: a megabyte of brackets would hold up everybody else's posts for a second."""
READ_TIMEOUT_S: Final = 30.0
"""A sender that is slower than this for one body is told 408: it holds one of the places of `EDGE_MAX_IN_FLIGHT`."""

_BOM = b"\xef\xbb\xbf"
_GZIP = 16 + zlib.MAX_WBITS
_MAX_MEMBERS = 16
"""Each member costs a copy of the rest, so a body of many empty ones would be a bomb of its own."""
_SMALL = 2 * MAX_VALUES
"""A value has at least two bytes."""
_SHOWN = 24
_LOOKS_LIKE: Final = {
    "It is gzip: send Content-Encoding: gzip.": re.compile(rb"\A\x1f\x8b"),
    "It looks like UTF-16: send UTF-8.": re.compile(rb"\A(?:\xff\xfe|\xfe\xff|[\[{]\0|\0[\[{])"),
    "It looks like XML or HTML: send JSON.": re.compile(rb"\A\s*<"),
    "It looks like a form: send the JSON alone, as the body.": re.compile(rb"\A[\w.-]{1,40}="),
    "Names and texts stand in double quotes in JSON.": re.compile(rb"\A\s*(?:\[\s*)?(?:\{\s*)?'"),
    "It looks like one item a line: send them as an array.": re.compile(rb"\A\{[^\n]*\n\s*\{"),
}
"""Beginnings of what is sent for JSON, and what to do."""


def declared_size(request: web.BaseRequest, limit: int) -> int:
    """Return how many bytes a body says it has, 0 for a chunked one; raises `ProblemError` 411 or 413."""
    declared = request.headers.get("Content-Length")
    if declared is None:
        if "Transfer-Encoding" not in request.headers:
            raise ProblemError(411, "edge.body.length_required", "Send a body with a Content-Length (or chunked).")
        return 0
    size = int(declared)
    if size > limit:
        raise too_large(limit)
    return size


async def read(
    request: web.BaseRequest, limit: int, hold: Callable[[int], None], timeout_s: float = READ_TIMEOUT_S
) -> bytes:
    """Return the body as it was sent, its content coding still on; raises `ProblemError` 400, 408, 413 or 501.

    `hold` is told how many bytes a body without a Content-Length has so far, and may raise.
    """
    content = request.content
    if content.is_eof():  # all of it came with the head: the usual case
        body = content.read_nowait(-1)
        if len(body) > limit:
            raise too_large(limit)
    else:
        if request.headers.get("Expect", "").lower() == "100-continue" and request.version >= HttpVersion11:
            # Some clients wait a second for this before they send a body; not those of HTTP/1.0 (RFC 9110, 10.1.1).
            await _continue(request)
        chunked = "Content-Length" not in request.headers
        body = await _rest(content, limit, hold if chunked else None, timeout_s)
    coding = request.headers.get("Transfer-Encoding")
    return body if coding is None or coding.lower() == "chunked" else _decoded(body, coding, limit, hold)


def _decoded(body: bytes, coding: str, limit: int, hold: Callable[[int], None]) -> bytes:
    """Undo a body's transfer codings beside chunked: gzip, or `ProblemError` 501 (RFC 9112, 6.1)."""
    for name in reversed([part.strip().lower() for part in coding.split(",")][:-1]):
        if name not in ("gzip", "x-gzip"):
            _check_text("Transfer-Encoding", coding)
            detail = "Send the body with no transfer coding but chunked, or gzip, chunked."
            raise ProblemError(501, "edge.body.transfer_coding", detail, {"transferEncoding": coding[:_SHOWN]})
        body = gunzip(body, limit)
        hold(len(body))
    return body


async def _continue(request: web.BaseRequest) -> None:
    try:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    except ConnectionError:
        raise gone() from None
    request.writer.output_size = 0  # it is no part of the answer


async def _rest(content: StreamReader, limit: int, hold: Callable[[int], None] | None, timeout_s: float) -> bytes:
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(timeout_s):
            while chunk := await content.readany():
                size += len(chunk)
                if size > limit:
                    raise too_large(limit)
                if hold is not None:
                    hold(size)
                chunks.append(chunk)
    except TimeoutError:
        raise slow(timeout_s) from None
    except ConnectionError:
        raise gone() from None
    except (HttpProcessingError, web.RequestPayloadError) as error:
        raise ProblemError(400, "edge.body.broken", f"The body is not well-formed HTTP: {error}.") from None
    return b"".join(chunks)


def check_headers(headers: Mapping[str, str]) -> bool:
    """Return whether the body is gzip-encoded; raises `ProblemError` 415 for what is not JSON."""
    content_type = headers.get("Content-Type")
    if content_type is not None and not is_json(content_type):
        _check_text("Content-Type", content_type)
        raise ProblemError(
            415,
            "edge.body.type",
            "Send Content-Type: application/json (in UTF-8).",
            {"contentType": content_type[:200]},
            {"Accept": "application/json"},
        )
    encoding = headers.get("Content-Encoding")
    if encoding is None:
        return False
    name = encoding.strip().lower()
    if name in ("gzip", "x-gzip"):
        return True
    if name in ("identity", ""):
        return False
    _check_text("Content-Encoding", encoding)
    raise ProblemError(
        415,
        "edge.body.encoding",
        "Send the body as it is, or with Content-Encoding: gzip.",
        {"contentEncoding": encoding[:200]},
        {"Accept-Encoding": "gzip, identity"},
    )


def _check_text(name: str, value: str) -> None:
    """Refuse bytes that are no UTF-8 (surrogates) or no text, which no answer could quote."""
    if not value.isprintable():
        raise ProblemError(400, "edge.header.bytes", f"The header {name} has bytes that are no text.")


@functools.lru_cache(maxsize=64)
def is_json(content_type: str) -> bool:
    """Return whether a Content-Type is JSON in UTF-8; JSON is always UTF-8 (RFC 8259, 8.1)."""
    media, *parameters = (part.strip().lower() for part in content_type.split(";"))
    if media not in ("application/json", "text/json") and not (
        media.startswith("application/") and media.endswith("+json")
    ):
        return False
    charsets = [
        value.strip(' "') for name, _, value in (part.partition("=") for part in parameters) if name == "charset"
    ]
    return all(charset in ("utf-8", "utf8", "us-ascii", "ascii") for charset in charsets)


def gunzip(body: bytes, limit: int) -> bytes:
    """Return a decompressed body; never makes more than `limit` bytes; raises `ProblemError` 400 or 413."""
    parts: list[bytes] = []
    size, rest = 0, body
    try:
        for _ in range(_MAX_MEMBERS):  # a gzip file may have several members (RFC 1952, 2.2)
            member = zlib.decompressobj(_GZIP)
            part = member.decompress(rest, limit + 1 - size)
            size += len(part)
            if size > limit:
                raise too_large(limit, "after decompression")
            if not member.eof:
                raise ProblemError(400, "edge.body.gzip", "The gzip body is cut short.")
            parts.append(part)
            rest = member.unused_data
            if not rest:
                return b"".join(parts)
    except zlib.error as error:
        raise ProblemError(400, "edge.body.gzip", f"The body is not gzip: {error}.") from None
    raise ProblemError(400, "edge.body.gzip", f"The gzip body has more than {_MAX_MEMBERS} members.")


def decode(body: bytes) -> list[Any]:
    """Return the elements of a JSON body, one item alone as a list of one; raises `ProblemError` 400 or 413."""
    body = body.removeprefix(_BOM)
    openings = body.count(b"[") + body.count(b"{")
    if openings > MAX_VALUES:  # some may stand in texts; but to make a million lists takes a second
        raise _too_many_values()
    try:
        decoded = loads(body)
    except orjson.JSONDecodeError as error:
        raise _malformed(error, body) from None
    elements = [decoded] if decoded.__class__ is dict or decoded.__class__ is Repeated else decoded
    if elements.__class__ is not list:
        raise ProblemError(
            400, "edge.body.shape", f"Send an array of 1 to {MAX_ITEMS} items, or one item, not {_kind(decoded)}."
        )
    if not elements:
        raise ProblemError(400, "edge.body.shape", f"The array is empty; send 1 to {MAX_ITEMS} items.")
    if len(elements) > MAX_ITEMS:
        raise ProblemError(
            413,
            "edge.body.too_many_items",
            f"{len(elements)} items in one post; send at most {MAX_ITEMS}.",
            {"items": len(elements), "limit": MAX_ITEMS},
        )
    # Flat items are the rule: a look at the structure is only worth it where more is opened than the items themselves.
    if not has_few_values(body) or openings > len(elements) + MAX_DEPTH:
        check_structure(elements)
    return elements


def has_few_values(body: bytes) -> bool:
    """Return whether a body surely has at most `MAX_VALUES` values, at the price of a glance."""
    return len(body) <= _SMALL or body.count(b",") + body.count(b"[") + body.count(b"{") <= MAX_VALUES


def check_structure(elements: list[Any]) -> None:
    """Refuse what is nested too deep or has too many values; without recursion, and without reading on once it is."""
    values = 0
    level: list[Any] = [elements]
    for _ in range(MAX_DEPTH + 1):
        values += sum(map(len, level))
        if values > MAX_VALUES:
            raise _too_many_values()
        level = [
            inner
            for outer in level
            for inner in (outer.values() if outer.__class__ is dict else outer)
            if inner.__class__ is dict or inner.__class__ is list
        ]
        if not level:
            return
    raise ProblemError(400, "edge.body.depth", f"The body is nested deeper than {MAX_DEPTH} levels.")


def _too_many_values() -> ProblemError:
    detail = f"The body has more than {MAX_VALUES} values; send fewer items a post."
    return ProblemError(413, "edge.body.too_many_values", detail, {"limit": MAX_VALUES})


def slow(timeout_s: float) -> ProblemError:
    """Return the refusal of a body that took too long to arrive."""
    return ProblemError(408, "edge.body.slow", f"The body did not arrive within {timeout_s:g} s.")


def gone() -> ProblemError:
    """Return what is counted for a sender that went away in the middle of its body; nobody reads it."""
    return ProblemError(400, "edge.body.gone", "The sender went away in the middle of the body.")


def too_large(limit: int, when: str = "") -> ProblemError:
    """Return the refusal of a body over the limit."""
    detail = f"The body has more than {limit} bytes{' ' + when if when else ''}; send fewer items a post."
    return ProblemError(413, "edge.body.too_large", detail, {"limitBytes": limit})


def _malformed(error: orjson.JSONDecodeError, body: bytes) -> ProblemError:
    """Return where JSON breaks; `position` counts characters from 0, line and column from 1."""
    if not body.strip():
        return ProblemError(400, "edge.body.empty", f"The body is empty; send an array of 1 to {MAX_ITEMS} items.")
    hint = next((f" {words}" for words, looks in _LOOKS_LIKE.items() if looks.match(body)), "")
    try:
        body.decode()
    except UnicodeDecodeError as broken:
        line, column = body.count(b"\n", 0, broken.start) + 1, broken.start - body.rfind(b"\n", 0, broken.start)
        return ProblemError(
            400,
            "edge.body.utf8",
            f"The body is not UTF-8: byte {broken.start} (line {line}, byte {column} of it) is {broken.reason}.{hint}",
            {"line": line, "column": column, "position": broken.start},
        )
    near = error.doc[max(error.pos - _SHOWN // 2, 0) : error.pos + _SHOWN // 2]
    return ProblemError(
        400,
        "edge.body.malformed",
        f"Malformed JSON at line {error.lineno}, column {error.colno}: {error.msg}.{hint}",
        {"line": error.lineno, "column": error.colno, "position": error.pos, "near": near},
    )


def _kind(value: Any) -> str:
    names = {str: "text", bool: "a boolean", int: "a number", float: "a number"}
    return "null" if value is None else names[type(value)]
