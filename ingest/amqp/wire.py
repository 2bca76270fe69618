"""One AMQP connection with one channel in confirm mode that only publishes: the sharp end of `ingest/amqp/publish.py`.

    publish() → method + header + body, one write a turn ── broker ──▶ basic.ack, basic.nack, basic.return → the future

Each message gets the next delivery tag; its future ends as None (confirmed) or as a reason (`Reason`). A connection
that breaks ends all of them as `disconnected`. It is never mended: `Publisher` makes a new one.
Source: https://www.rabbitmq.com/docs/confirms, /docs/connection-blocked, /docs/heartbeats.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, Literal, cast

import pamqp.frame
from pamqp import commands
from pamqp.exceptions import UnmarshalingException
from pamqp.header import ContentHeader

from ingest.amqp import frames
from schemas.errors import Transient

Reason = Literal["disconnected", "blocked", "full", "unroutable", "timeout"]

CHANNEL: Final = 1
HIGH_WATER_BYTES: Final = 16 * 2**20
"""Bytes that may wait for the socket before new messages are refused as `blocked`."""
_HANDSHAKE_FRAME_MAX = 131_072

_RETURN = frames.BASIC_RETURN.to_bytes(4, "big")
_ACK = frames.BASIC_ACK.to_bytes(4, "big")
_NACK = frames.BASIC_NACK.to_bytes(4, "big")

Confirm = asyncio.Future[Reason | None]


class Wire(asyncio.Protocol):
    """The protocol of one connection; made by `ingest.amqp.handshake.connect`, which hands it over opened."""

    def __init__(self, loop: asyncio.AbstractEventLoop, confirm_timeout_s: float) -> None:
        self._loop = loop
        self._timeout = confirm_timeout_s
        self._transport: asyncio.Transport | None = None
        self._reader = frames.FrameReader(_HANDSHAKE_FRAME_MAX)
        self._frame_max = _HANDSHAKE_FRAME_MAX
        self._methods: dict[str, bytes] = {}
        self._tag = 0
        self._out: list[bytes] = []
        self._waiting: dict[int, tuple[Confirm, str, float]] = {}
        self._returning = False
        self._paused = False
        self._last_heard = loop.time()
        self._heartbeat_s = 0.0
        self._ticker: asyncio.TimerHandle | None = None
        self.replies: asyncio.Queue[Any] = asyncio.Queue()
        """Method frames that are not of the hot path, for the handshake."""
        self.closed: asyncio.Future[str] = loop.create_future()
        """Ends with why the connection is no more."""
        self.blocked: str | None = None
        """Why the broker takes no messages now (connection.blocked), or None."""

    # --- publishing

    @property
    def in_flight(self) -> int:
        """Return the number of messages that wait for their confirm."""
        return len(self._waiting)

    def publish(
        self, queue: str, message_id: str, body: bytes, reply: tuple[str | None, str | None] | None = None
    ) -> Confirm:
        """Write one message at once and return the future of its confirm; messages leave in the order of the calls."""
        confirm: Confirm = self._loop.create_future()
        if self._transport is None or self.closed.done():
            confirm.set_result("disconnected")
        elif self.blocked is not None or self._paused:
            confirm.set_result("blocked")
        else:
            method = self._methods.get(queue)
            if method is None:
                method = self._methods[queue] = frames.publish_method(CHANNEL, queue)
            parts = frames.content(CHANNEL, self._frame_max, body, message_id, reply)
            self._tag += 1
            self._waiting[self._tag] = (confirm, message_id, self._loop.time() + self._timeout)
            self._write(method, *parts)
        return confirm

    def _write(self, *parts: bytes) -> None:
        """Gather what is written in one turn of the event loop into one system call: each costs more than a message."""
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.extend(parts)

    def _flush(self) -> None:
        out, self._out = self._out, []
        if out and self._transport is not None:
            self._transport.write(b"".join(out))

    def opened(self, frame_max: int, heartbeat_s: float) -> None:
        """Take the values that the handshake agreed on and start to watch the clock."""
        self._frame_max = frame_max
        self._reader = frames.FrameReader(frame_max)
        self._heartbeat_s = heartbeat_s
        self._tick(max(min(self._timeout / 4, 0.1), 0.005), self._loop.time())

    def _tick(self, every_s: float, beat_at: float) -> None:
        """End what waits too long; keep the heartbeat; a broker that is silent for two of them is gone."""
        now = self._loop.time()
        if self._heartbeat_s:
            if now - self._last_heard > 2 * self._heartbeat_s:
                self.abort("the broker is silent")
                return
            if now >= beat_at:
                self.send(frames.HEARTBEAT_FRAME)
                beat_at = now + self._heartbeat_s / 2
        late: Reason = "blocked" if self.blocked is not None or self._paused else "timeout"
        for tag, (confirm, _, deadline) in list(self._waiting.items()):
            if deadline > now:
                break
            del self._waiting[tag]
            _end(confirm, late)
        self._ticker = self._loop.call_later(every_s, self._tick, every_s, beat_at)

    # --- what the broker says

    def data_received(self, data: bytes) -> None:
        """Cut the stream into frames and act on each."""
        self._last_heard = self._loop.time()
        try:
            for kind, channel, payload in self._reader.feed(data):
                self._frame(kind, channel, payload)
        except (frames.BrokenFrame, UnmarshalingException) as error:
            self.abort(str(error))

    def _frame(self, kind: int, channel: int, payload: bytes) -> None:
        if kind == frames.METHOD:
            head = payload[:4]
            if head in (_ACK, _NACK):
                _, tag, flags = frames.confirm(payload)
                self._confirmed(tag, bool(flags & 1), None if head == _ACK else "full")
            elif head == _RETURN:
                self._returning = True
            else:
                _, _, method = pamqp.frame.unmarshal(frames.frame(kind, channel, payload))
                self._method(method)
        elif kind == frames.HEADER and self._returning:
            self._returning = False
            _, _, header = pamqp.frame.unmarshal(frames.frame(kind, channel, payload))
            if isinstance(header, ContentHeader):
                self._returned(header.properties.message_id)

    def _method(self, method: Any) -> None:
        if isinstance(method, commands.Connection.Blocked):
            self.blocked = str(method.reason)
        elif isinstance(method, commands.Connection.Unblocked):
            self.blocked = None
        elif isinstance(method, commands.Connection.Close):
            self.send_method(0, commands.Connection.CloseOk())
            self.abort(f"the broker closed the connection: {method.reply_code} {method.reply_text}", flush=True)
        elif isinstance(method, commands.Channel.Close):
            self.send_method(CHANNEL, commands.Channel.CloseOk())
            self.abort(f"the broker closed the channel: {method.reply_code} {method.reply_text}", flush=True)
        else:
            self.replies.put_nowait(method)

    def _confirmed(self, tag: int, multiple: bool, result: Reason | None) -> None:
        if not multiple:
            entry = self._waiting.pop(tag, None)
            if entry is not None:
                _end(entry[0], result)
            return
        done = []
        for waiting in self._waiting:  # in the order of the tags
            if waiting > tag:
                break
            done.append(waiting)
        for waiting in done:
            _end(self._waiting.pop(waiting)[0], result)

    def _returned(self, message_id: str | None) -> None:
        """A returned message is confirmed all the same, right after; it carries no tag, so its id must do."""
        for confirm, waiting_id, _ in self._waiting.values():
            if waiting_id == message_id and not confirm.done():
                confirm.set_result("unroutable")
                return

    # --- the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name
        self._transport.set_write_buffer_limits(high=HIGH_WATER_BYTES)

    def pause_writing(self) -> None:
        """Too much waits for the socket: refuse, rather than fill the memory."""
        self._paused = True

    def resume_writing(self) -> None:
        """The socket takes bytes again."""
        self._paused = False

    def connection_lost(self, exc: Exception | None) -> None:
        """End everything that waits."""
        self._transport = None
        self._over(str(exc) if exc else "the broker closed the connection")

    def send(self, data: bytes) -> None:
        """Write bytes that are no message."""
        self._write(data)

    def send_method(self, channel: int, method: Any) -> None:
        """Write a method frame."""
        self.send(pamqp.frame.marshal(method, channel))

    async def expect(self, kind: type[Any]) -> Any:
        """Return the next method of the handshake; raises `Transient` when it is another one or the end."""
        reply = asyncio.ensure_future(self.replies.get())
        try:
            await asyncio.wait((reply, self.closed), return_when=asyncio.FIRST_COMPLETED)
            if not reply.done():
                raise Transient(self.closed.result())
        finally:
            reply.cancel()
        method = reply.result()
        if not isinstance(method, kind):
            raise Transient(f"RabbitMQ sent {method.name} where {kind.__name__} was due")
        return method

    def abort(self, why: str, *, flush: bool = False) -> None:
        """End the connection at once, or after what is buffered (a CloseOk) has been written."""
        self._over(why)
        if self._transport is not None:
            self._flush()
            (self._transport.close if flush else self._transport.abort)()

    def _over(self, why: str) -> None:
        if self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None
        waiting, self._waiting = self._waiting, {}
        for confirm, _, _ in waiting.values():
            _end(confirm, "disconnected")
        if not self.closed.done():
            self.closed.set_result(why)


def _end(confirm: Confirm, result: Reason | None) -> None:
    if not confirm.done():
        confirm.set_result(result)
