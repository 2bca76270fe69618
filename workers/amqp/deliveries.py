"""Deliveries taken straight off the connection, before the AMQP library sees them; and settled beside it.

The library (aiormq) makes three objects, a queue hop each and a task of every delivery: measured, a quarter of what a
worker does for a batch of 50 unchanged items. So frames of deliveries to a registered channel become `Message`s at
once; all else passes on to it (`schemas.amqp`). An ack through it takes another task's turn before it is written.

Source: the AMQP 0-9-1 specification, 4.2.6 (content) and basic.deliver.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct

from pamqp.commands import Basic
from pamqp.header import ContentHeader

from schemas.amqp.sieve import BODY, HEADER, METHOD, OVERHEAD

_FRAME = Struct(">BHI")
_SETTLE = Struct(">BHI HHQB B")
_BASIC, _ACK, _REJECT = 60, 80, 90
_END = 0xCE
_TAG = Struct(">QB")
_SIZE = Struct(">Q")
_DELIVER = b"\x00\x3c\x00\x3c"
_HAS_REPLY_TO = 1 << 1
"""In the upper byte of the properties' flags."""


@dataclass(slots=True)
class Message:
    """One delivery: `header` is the payload of its content header, `at` its arrival (monotonic seconds)."""

    tag: int
    redelivered: bool
    at: float
    header: bytes = b""
    body: bytes = b""

    @property
    def properties(self) -> Basic.Properties:
        """Return the decoded properties."""
        decoded = ContentHeader()
        decoded.unmarshal(self.header)
        return decoded.properties

    @property
    def reply(self) -> tuple[str | None, str | None]:
        """Return (reply_to, correlation_id); (None, None) when nobody waits for a reply."""
        if not self.header[12] & _HAS_REPLY_TO:
            return None, None
        properties = self.properties
        return properties.reply_to, properties.correlation_id


Handler = Callable[[Message], None]


class Deliveries:
    """Puts the deliveries of a connection's frames together; its `take` gets every frame first."""

    def __init__(self, clock: Callable[[], float], write: Callable[[bytes], None]) -> None:
        """`clock` gives seconds, by which messages arrive; `write` writes a frame to the connection."""
        self._clock = clock
        self._write = write
        self._handlers: dict[int, Handler] = {}
        self._open: dict[int, tuple[Message, list[bytes]]] = {}

    def register(self, channel: int, handler: Handler) -> None:
        """Give a channel's deliveries to `handler` from now on."""
        self._handlers[channel] = handler

    def unregister(self, channel: int, handler: Handler) -> None:
        """Stop that, unless the channel's number belongs to somebody else by now."""
        if self._handlers.get(channel) == handler:
            del self._handlers[channel]

    def ack(self, channel: int, tag: int) -> None:
        """Ack everything up to a delivery tag; raises what `write` raises."""
        self._write(_SETTLE.pack(METHOD, channel, 13, _BASIC, _ACK, tag, 1, _END))

    def reject(self, channel: int, tag: int) -> None:
        """Hand one delivery to the dead exchange; raises what `write` raises."""
        self._write(_SETTLE.pack(METHOD, channel, 13, _BASIC, _REJECT, tag, 0, _END))

    def take_whole(self, stream: bytes, start: int) -> int:
        """Take a delivery of ours that begins there, if it came whole and in three frames; return its end, or 0."""
        size = len(stream)
        kind, channel, length = _FRAME.unpack_from(stream, start)
        header = start + OVERHEAD + length
        handler = self._handlers.get(channel)
        if handler is None or kind != METHOD or header + OVERHEAD > size or stream[start + 7 : start + 11] != _DELIVER:
            return 0
        kind, same, length = _FRAME.unpack_from(stream, header)
        body = header + OVERHEAD + length
        if kind != HEADER or same != channel or body + OVERHEAD > size:
            return 0
        kind, same, length = _FRAME.unpack_from(stream, body)
        end: int = body + OVERHEAD + length
        if kind != BODY or same != channel or end > size or (length,) != _SIZE.unpack_from(stream, header + 11):
            return 0
        named = start + 12 + stream[start + 11]
        if named + _TAG.size >= header or not stream[header - 1] == stream[body - 1] == stream[end - 1] == _END:
            return 0
        tag, bits = _TAG.unpack_from(stream, named)
        properties, payload = stream[header + 7 : body - 1], stream[body + 7 : end - 1]
        handler(Message(tag, bool(bits & 1), self._clock(), properties, payload))
        return end

    def take(self, kind: int, channel: int, payload: bytes) -> bool:
        """Take a frame if it is part of a delivery that is ours."""
        if kind == METHOD:
            if payload[:4] != _DELIVER or channel not in self._handlers:
                return False
            tag, bits = _TAG.unpack_from(payload, 5 + payload[4])
            self._open[channel] = Message(tag, bool(bits & 1), self._clock()), []
            return True
        if (being_received := self._open.get(channel)) is None:
            return False
        message, parts = being_received
        if kind == HEADER:
            message.header = payload
        else:
            parts.append(payload)
        (size,) = _SIZE.unpack_from(message.header, 4)
        if sum(map(len, parts)) >= size:
            del self._open[channel]
            message.body = parts[0] if len(parts) == 1 else b"".join(parts)
            if (handler := self._handlers.get(channel)) is not None:
                handler(message)
        return True
