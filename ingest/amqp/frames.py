"""AMQP 0-9-1 frames of a published message, made by hand: a general client costs more than all of HTTP.

Pure: bytes in, bytes out. Source: the AMQP 0-9-1 specification, 2.3.5 (frames) and 4.2.6 (content);
https://www.rabbitmq.com/docs/confirms for basic.ack and basic.nack.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from schemas.amqp.sieve import BODY, HEADER, METHOD, OVERHEAD
from schemas.tracing import TRACEPARENT

_FRAME = Struct(">BHI")
_HEADER = Struct(">HHQH")
_CONFIRM = Struct(">IQB")
_MANDATORY = b"\x01"
_PERSISTENT = b"\x02"
_CONTENT_TYPE = b"\x10application/json"
_HAS_CONTENT_TYPE, _HAS_HEADERS, _HAS_DELIVERY_MODE, _HAS_CORRELATION_ID, _HAS_REPLY_TO, _HAS_MESSAGE_ID = (
    1 << 15,
    1 << 13,
    1 << 12,
    1 << 10,
    1 << 9,
    1 << 7,
)
_USUAL = _HAS_CONTENT_TYPE | _HAS_DELIVERY_MODE | _HAS_MESSAGE_ID
_MAX_SHORT = 255
_END = b"\xce"
_ID_LENGTH = 32
_BEFORE_BODY = Struct(f">BHI HHQH 17s1s B{_ID_LENGTH}s 1s BHI")
"""Of a usual message, whose id is a batch id in hex: the whole header's frame, and the beginning of its body's."""
_BETWEEN = 14 + 17 + 1 + 1 + _ID_LENGTH
"""Bytes of that header."""


class Extras(NamedTuple):
    """What few messages have: where a sender waits for the reply, and the span that it was published in."""

    reply_to: str | None = None
    correlation_id: str | None = None
    traceparent: str | None = None


def frame(kind: int, channel: int, payload: bytes) -> bytes:
    """Return one whole frame."""
    return _FRAME.pack(kind, channel, len(payload)) + payload + _END


def short(text: str) -> bytes:
    """Return a short string; raises ValueError over 255 bytes."""
    written = text.encode()
    if len(written) > _MAX_SHORT:
        raise ValueError(f"longer than {_MAX_SHORT} bytes: {text[:40]}…")
    return bytes((len(written),)) + written


def publish_method(channel: int, exchange: str, routing_key: str) -> bytes:
    """Return the frame of a mandatory basic.publish; the same for every message with this key."""
    return frame(METHOD, channel, b"\x00\x3c\x00\x28\x00\x00" + short(exchange) + short(routing_key) + _MANDATORY)


def content(channel: int, frame_max: int, body: bytes, message_id: str, extras: Extras | None = None) -> list[bytes]:
    """Return the frames of a persistent JSON message: its header, and its body (if any) cut to `frame_max`.

    The caller joins the parts, with the method frame, into one write.
    """
    largest = frame_max - OVERHEAD
    size = len(body)
    if extras is None and len(message_id) == _ID_LENGTH and 0 < size <= largest:
        written = message_id.encode()
        before = _BEFORE_BODY.pack(
            *(HEADER, channel, _BETWEEN, 60, 0, size, _USUAL, _CONTENT_TYPE, _PERSISTENT, _ID_LENGTH, written),
            *(_END, BODY, channel, size),
        )
        return [before, body, _END]
    flags, middle = _USUAL, _PERSISTENT
    if extras is not None:
        reply_to, correlation_id, traceparent = extras
        if traceparent is not None:
            flags, middle = flags | _HAS_HEADERS, _table(TRACEPARENT, traceparent) + middle
        if correlation_id is not None:
            flags, middle = flags | _HAS_CORRELATION_ID, middle + short(correlation_id)
        if reply_to is not None:
            flags, middle = flags | _HAS_REPLY_TO, middle + short(reply_to)
    header = _HEADER.pack(60, 0, len(body), flags) + _CONTENT_TYPE + middle + short(message_id)
    return [
        frame(HEADER, channel, header),
        *(frame(BODY, channel, body[start : start + largest]) for start in range(0, len(body), largest)),
    ]


def _table(name: str, text: str) -> bytes:
    """Return a field table of one text."""
    written = text.encode()
    entry = short(name) + b"S" + len(written).to_bytes(4) + written
    return len(entry).to_bytes(4) + entry


def confirm(payload: bytes) -> tuple[int, int, int]:
    """Return (method, delivery tag, flags) of the payload of a basic.ack or basic.nack; bit 0 of flags: multiple."""
    method, tag, flags = _CONFIRM.unpack(payload)
    return method, tag, flags
