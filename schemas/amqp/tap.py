"""A tap between the socket and aiormq: `connect` opens a connection of the library's, with a sieve in its stream."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, cast

import aiormq
from aiormq.abc import AbstractConnection, ExceptionType, TimeoutType
from aiormq.connection import TransportFactory
from yarl import URL

from schemas.addresses import brokers, first
from schemas.amqp.sieve import Sieve, Take, TakeWhole, nowhere

AWAY = (aiormq.exceptions.AMQPError, OSError, TimeoutError, RuntimeError)
"""What aiormq raises when a connection or channel is lost, or is closed already (RuntimeError)."""
CLOSE_TIMEOUT_S = 2.0
CONNECT_TIMEOUT_S = 10.0
_GONE = "the broker closed the connection"
_NO_LINGER: Final = struct.pack("ii", 1, 0)
"""SO_LINGER: a socket that is closed sends nothing any more but a reset."""


class Tap(asyncio.StreamReaderProtocol):
    """The protocol between the socket and the library's stream reader."""

    def __init__(self, reader: asyncio.StreamReader, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(reader, loop=loop)
        self.sieve = Sieve(super().data_received, time.monotonic)
        self.transport: asyncio.Transport | None = None
        self.paused = False
        """Whether so much waits for the socket that nothing more should be written."""
        self.gone: str | None = None
        """Why the connection is no more."""
        self._on_gone: Callable[[str], None] | None = None

    def attach(self, take: Take, on_gone: Callable[[str], None] | None = None, take_whole: TakeWhole = nowhere) -> None:
        """Give every frame to `take` first, and tell `on_gone` at once, before the library knows, when all is over."""
        self.sieve.take, self.sieve.take_whole = take, take_whole
        self._on_gone = on_gone
        if self.gone is not None and on_gone is not None:
            on_gone(self.gone)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport: messages of the hot path are written beside the library.

        A connection that is given up takes what waits in the socket along. Else the kernel goes on sending it for
        minutes: to a node that was cut off it would come after all that its sender has posted since by another one.
        A connection that ends well waits for the broker's answer before, so that nothing waits.
        """
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        super().connection_made(transport)

    def write(self, frame: bytes) -> None:
        """Write a frame beside the library, at once; raises one of `AWAY` when the connection is over."""
        if self.transport is None or self.gone is not None:
            raise ConnectionResetError(self.gone or "not connected")
        self.transport.write(frame)

    def data_received(self, data: bytes) -> None:
        """Take what came from the socket."""
        self.sieve.feed(data)

    def pause_writing(self) -> None:
        """Note that the socket takes no more for now."""
        self.paused = True
        super().pause_writing()

    def resume_writing(self) -> None:
        """Note that it does again."""
        self.paused = False
        super().resume_writing()

    def eof_received(self) -> bool | None:
        """Tell that the broker hung up."""
        self._tell(_GONE)
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell that the connection broke."""
        self._tell(str(exc) if exc else _GONE)
        super().connection_lost(exc)

    def _tell(self, why: str) -> None:
        if self.gone is None:
            self.gone = why
            if self._on_gone is not None:
                self._on_gone(why)


@dataclass(frozen=True, slots=True)
class Link:
    """An open connection: the library's, and the tap in it."""

    connection: AbstractConnection
    tap: Tap

    @property
    def is_open(self) -> bool:
        """Return whether it can be used."""
        return self.tap.gone is None and bool(self.connection.is_opened)

    async def close(self, timeout_s: float = CLOSE_TIMEOUT_S) -> None:
        """Say good-bye to the broker, and do not wait long for its answer."""
        with contextlib.suppress(*AWAY):
            async with asyncio.timeout(timeout_s):
                await self.connection.close()
        if self.tap.transport is not None:
            self.tap.transport.abort()


async def open_link(address: str, name: str, heartbeat_s: int) -> Link:
    """Return an open connection to a broker of a comma list of AMQP URLs; `name` is shown in RabbitMQ.

    They are tried in turn from one that differs from process to process. Raises one of `AWAY`.

    Source: https://www.rabbitmq.com/docs/uri-spec, /docs/uri-query-parameters, /docs/heartbeats.
    """

    async def open_one(one: str) -> Link:
        url = URL(one).update_query(heartbeat=heartbeat_s)
        opening = _Opening()
        connection = _Connection(url, transport_factory=opening)
        await connection.connect(client_properties={"connection_name": name})
        assert opening.tap is not None, "made with the connection"
        return Link(connection, opening.tap)

    return await first(brokers(address), open_one, CONNECT_TIMEOUT_S)


class _Connection(aiormq.Connection):
    """The library's own, but for what those hear who wait for an answer when it is lost, or closed by us.

    It cancels them; and a task that nobody asked to end would end, unseen, because the broker was away.
    """

    async def close(
        self,
        exc: ExceptionType | None = asyncio.CancelledError,
        timeout: TimeoutType = None,  # noqa: ASYNC109 - the library's own signature
    ) -> None:
        """Close it; whoever waits gets an error of `AWAY`."""
        cancels = exc is asyncio.CancelledError or isinstance(exc, asyncio.CancelledError)
        await super().close(ConnectionResetError(_GONE) if cancels else exc, timeout)


class _Opening(TransportFactory):
    """Opens the library's connection with a tap in it."""

    def __init__(self) -> None:
        self.tap: Tap | None = None

    async def create(self, url: URL, **kwargs: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return the streams of a new connection."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(loop=loop)
        self.tap = tap = Tap(reader, loop)
        provider = kwargs["ssl_context_provider"]
        context = await provider.get_context() if url.scheme == "amqps" else None
        transport, _ = await loop.create_connection(lambda: tap, url.host or "localhost", url.port or 5672, ssl=context)
        return reader, asyncio.StreamWriter(transport, tap, reader, loop)
