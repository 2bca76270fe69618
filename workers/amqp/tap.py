"""Deliveries taken straight off the connection, before the AMQP library sees them.

The library (aiormq) makes three objects, a queue hop each and a task of every delivery: measured, a quarter of what a
worker does for a batch of 50 unchanged items. So the stream is tapped: frames of deliveries to a registered channel
become `Message`s at once; all else (handshake, heartbeats, answers, closes) passes on to the library, whole frames in
their order. A cancel's answer thus comes after every delivery before it.

Source: the AMQP 0-9-1 specification, 2.3.5 (frames), 4.2.6 (content) and basic.deliver.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct
from typing import Any

from aiormq.connection import TransportFactory
from pamqp.commands import Basic
from pamqp.header import ContentHeader
from yarl import URL

_METHOD, _HEADER = 1, 2
_KINDS = (1, 2, 3, 8)
"""Method, content header, body, heartbeat."""
_FRAME = Struct(">BHI")
_TAG = Struct(">QB")
_SIZE = Struct(">Q")
_OVERHEAD = 8
_DELIVER = b"\x00\x3c\x00\x3c"
_HEARTBEAT_FRAME = b"\x08\x00\x00\x00\x00\x00\x00\xce"
_SIGN_OF_LIFE_S = 1.0
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


class Sieve:
    """Takes the deliveries out of a byte stream. Pure but for its callbacks: `pass_on` gets everything else."""

    def __init__(self, pass_on: Callable[[bytes], None], clock: Callable[[], float]) -> None:
        self._pass_on = pass_on
        self._clock = clock
        self._handlers: dict[int, Handler] = {}
        self._open: dict[int, tuple[Message, list[bytes]]] = {}
        self._rest = b""
        self._foreign = False
        self._beat_at = clock()

    def register(self, channel: int, handler: Handler) -> None:
        """Give a channel's deliveries to `handler` from now on."""
        self._handlers[channel] = handler

    def unregister(self, channel: int, handler: Handler) -> None:
        """Stop that, unless the channel's number belongs to somebody else by now."""
        if self._handlers.get(channel) == handler:
            del self._handlers[channel]

    def feed(self, data: bytes) -> None:
        """Cut the stream into frames; take the deliveries, pass the rest on."""
        if self._rest:
            data = self._rest + data
        start = kept = 0
        size = len(data)
        while size - start >= _OVERHEAD and not self._foreign:
            kind, channel, length = _FRAME.unpack_from(data, start)
            end = start + _OVERHEAD + length
            if kind not in _KINDS:
                self._foreign = True  # not AMQP: the library will say so
            elif end > size:
                break
            else:
                if channel and self._take(kind, channel, data[start + 7 : end - 1]):
                    if kept < start:
                        self._pass_on(data[kept:start])
                    kept = end
                start = end
        if self._foreign:
            start = size
        if kept < start:
            self._pass_on(data[kept:start])
        if kept and self._clock() - self._beat_at > _SIGN_OF_LIFE_S:
            # The library ends a connection that it hears nothing of; RabbitMQ sends no heartbeats while it delivers.
            self._beat_at = self._clock()
            self._pass_on(_HEARTBEAT_FRAME)
        self._rest = data[start:]

    def _take(self, kind: int, channel: int, payload: bytes) -> bool:
        """Take a frame if it is part of a delivery that is ours."""
        if kind == _METHOD:
            if payload[:4] != _DELIVER or channel not in self._handlers:
                return False
            tag, bits = _TAG.unpack_from(payload, 5 + payload[4])
            self._open[channel] = Message(tag, bool(bits & 1), self._clock()), []
            return True
        if (being_received := self._open.get(channel)) is None:
            return False
        message, parts = being_received
        if kind == _HEADER:
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


class _Tap(asyncio.StreamReaderProtocol):
    """The protocol between the socket and the library's stream reader."""

    def __init__(self, reader: asyncio.StreamReader, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(reader, loop=loop)
        self.sieve = Sieve(super().data_received, time.monotonic)

    def data_received(self, data: bytes) -> None:
        """Take what came from the socket."""
        self.sieve.feed(data)


class TappedTransport(TransportFactory):
    """Opens the library's connection with a tap in it."""

    def __init__(self) -> None:
        self.sieve: Sieve | None = None

    async def create(self, url: URL, **kwargs: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return the streams of a new connection."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(loop=loop)
        tap = _Tap(reader, loop)
        provider = kwargs["ssl_context_provider"]
        context = await provider.get_context() if url.scheme == "amqps" else None
        transport, _ = await loop.create_connection(lambda: tap, url.host or "localhost", url.port or 5672, ssl=context)
        self.sieve = tap.sieve
        return reader, asyncio.StreamWriter(transport, tap, reader, loop)
