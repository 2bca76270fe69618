"""Deliveries taken straight off the connection, before the AMQP library sees them.

The library (aiormq) makes three objects, a queue hop each and a task of every delivery: measured, a quarter of what a
worker does for a batch of 50 unchanged items. So frames of deliveries to a registered channel become `Message`s at
once; all else passes on to it (`schemas.amqp`).

Source: the AMQP 0-9-1 specification, 4.2.6 (content) and basic.deliver.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct

from pamqp.commands import Basic
from pamqp.header import ContentHeader

from schemas.amqp.sieve import HEADER, METHOD

_TAG = Struct(">QB")
_SIZE = Struct(">Q")
_DELIVER = b"\x00\x3c\x00\x3c"
_HAS_REPLY_TO = 1 << 9


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
        if not int.from_bytes(self.header[12:14]) & _HAS_REPLY_TO:
            return None, None
        properties = self.properties
        return properties.reply_to, properties.correlation_id


Handler = Callable[[Message], None]


class Deliveries:
    """Puts the deliveries of a connection's frames together; its `take` gets every frame first."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives seconds, by which messages arrive."""
        self._clock = clock
        self._handlers: dict[int, Handler] = {}
        self._open: dict[int, tuple[Message, list[bytes]]] = {}

    def register(self, channel: int, handler: Handler) -> None:
        """Give a channel's deliveries to `handler` from now on."""
        self._handlers[channel] = handler

    def unregister(self, channel: int, handler: Handler) -> None:
        """Stop that, unless the channel's number belongs to somebody else by now."""
        if self._handlers.get(channel) == handler:
            del self._handlers[channel]

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
