"""One channel in confirm mode that only publishes: the sharp end of `ingest/amqp/publish.py`.

    publish() → method + header + body, one write a turn ── broker ──▶ basic.ack, basic.nack, basic.return → the future

Each message gets the next delivery tag; its future ends as None (confirmed) or as a reason (`Reason`). A connection
that breaks ends all of them as `disconnected`. It is never mended: `Publisher` makes a new one. A message whose confirm
is late ends as `timeout`, and stays known until the broker has settled it; if the broker says nothing at all meanwhile,
not even that it is alive, its host is cut off, and the connection is given up.
The connection is aiormq's; messages are written beside it, and what the broker says of them is taken before it.
Source: https://www.rabbitmq.com/docs/confirms, /docs/connection-blocked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Literal, Protocol

from pamqp.header import ContentHeader

from ingest.amqp import frames
from schemas.amqp.sieve import BODY, HEADER, METHOD
from schemas.metrics import CONFIRM_SECONDS
from schemas.topology import SHARDS_EXCHANGE

Reason = Literal["disconnected", "blocked", "full", "unroutable", "timeout"]

HIGH_WATER_BYTES: Final = 16 * 2**20
"""Bytes that may wait for the socket before new messages are refused as `blocked`."""

SILENT_S: Final = 4.0
"""A broker that is alive says something at least every half heartbeat (`publish.HEARTBEAT_S`)."""

_RETURN = b"\x00\x3c\x00\x32"
_ACK = b"\x00\x3c\x00\x50"
_NACK = b"\x00\x3c\x00\x78"
_CHANNEL_CLOSE = b"\x00\x14\x00\x28"
_CONNECTION_CLOSE = b"\x00\x0a\x00\x32"
_BLOCKED = b"\x00\x0a\x00\x3c"
_UNBLOCKED = b"\x00\x0a\x00\x3d"

Confirm = asyncio.Future[Reason | None]
Settled = Callable[[], None]
"""Called once, when the broker has confirmed or refused a message, or can no longer: also after it timed out. Not for a
message that came back as `unroutable`: it is its publisher's again, who may send it once more."""


class Socket(Protocol):
    """As much of a connection's tap (`schemas.amqp.tap`) as a wire needs to write."""

    transport: asyncio.Transport | None
    paused: bool


class Wire:
    """The table of confirms of one channel. Its `take` gets every frame of the connection first, `over` its end."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, socket: Socket, channel: int, frame_max: int, confirm_timeout_s: float
    ) -> None:
        assert socket.transport is not None, "connect first"
        socket.transport.set_write_buffer_limits(high=HIGH_WATER_BYTES)
        self._loop = loop
        self._transport = socket.transport
        self._socket = socket
        self._channel = channel
        self._frame_max = frame_max
        self._timeout = confirm_timeout_s
        self._methods: dict[str, bytes] = {}
        self._tag = 0
        self._out: list[bytes] = []
        self._waiting: dict[int, tuple[Confirm, str, float, Settled | None]] = {}
        self._late: dict[int, Settled] = {}
        self._ticker: asyncio.TimerHandle | None = None
        self._heard, self._silent_s = False, 0.0
        self.closed: asyncio.Future[str] = self._loop.create_future()
        """Ends with why the channel is no more."""
        self.blocked: str | None = None
        """Why the broker takes no messages now (connection.blocked), or None."""
        self._tick(max(min(confirm_timeout_s / 4, 0.1), 0.005))

    @property
    def in_flight(self) -> int:
        """Return the number of messages that the broker has not settled, but for late ones that nobody asks after."""
        return len(self._waiting) + len(self._late)

    def publish(
        self,
        key: str,
        message_id: str,
        body: bytes,
        extras: frames.Extras | None = None,
        settled: Settled | None = None,
    ) -> Confirm:
        """Write one message at once and return the future of its confirm; messages leave in the order of the calls.

        `key` is its slot's.
        """
        confirm: Confirm = self._loop.create_future()
        if self.closed.done():
            _end(confirm, "disconnected", settled)
        elif self.blocked is not None or self._socket.paused:
            _end(confirm, "blocked", settled)
        else:
            method = self._methods.get(key)
            if method is None:
                method = self._methods[key] = frames.publish_method(self._channel, SHARDS_EXCHANGE, key)
            parts = frames.content(self._channel, self._frame_max, body, message_id, extras)
            self._tag += 1
            self._waiting[self._tag] = (confirm, message_id, self._loop.time() + self._timeout, settled)
            # What is written in one turn of the event loop goes out in one system call: each costs more than a message.
            if not self._out:
                self._loop.call_soon(self._flush)
            self._out.append(method)
            self._out.extend(parts)
        return confirm

    def _flush(self) -> None:
        out, self._out = self._out, []
        if not self.closed.done():
            self._transport.write(b"".join(out))

    def _tick(self, every_s: float) -> None:
        """End what waits too long; and all of it if the broker has said nothing since.

        Silence is counted by ticks: after a standstill of our own there may be much to read.
        """
        now = self._loop.time()
        self._heard, self._silent_s = False, 0.0 if self._heard else self._silent_s + every_s
        late: Reason = "blocked" if self.blocked is not None or self._socket.paused else "timeout"
        for tag, (confirm, _, deadline, settled) in list(self._waiting.items()):
            if deadline > now:
                break
            del self._waiting[tag]
            if settled is not None:
                self._late[tag] = settled
            _end(confirm, late)
            if self._silent_s >= SILENT_S:
                self._transport.abort()
                self.over(f"the broker has said nothing for {self._silent_s:.1f} s")
                return
        self._ticker = self._loop.call_later(every_s, self._tick, every_s)

    def take(self, kind: int, channel: int, payload: bytes) -> bool:
        """Take what the broker says of messages; note, and let pass on, what it says of channel and connection."""
        self._heard = True
        if channel == self._channel:
            if kind == METHOD:
                return self._take_method(payload)
            if kind == HEADER:
                header = ContentHeader()
                header.unmarshal(payload)
                self._returned(header.properties.message_id)
            return kind in (HEADER, BODY)  # of a returned message: nothing is consumed here
        if channel == 0 and kind == METHOD:
            self._note(payload)
        return False

    def _take_method(self, payload: bytes) -> bool:
        head = payload[:4]
        if head in (_ACK, _NACK):
            _, tag, flags = frames.confirm(payload)
            self._confirmed(tag, bool(flags & 1), None if head == _ACK else "full")
            return True
        if head == _CHANNEL_CLOSE:
            self.over(f"the broker closed the channel: {_code_and_text(payload)}")
        return head == _RETURN

    def _note(self, payload: bytes) -> None:
        head = payload[:4]
        if head == _BLOCKED:
            self.blocked = _short(payload, 4)
        elif head == _UNBLOCKED:
            self.blocked = None
        elif head == _CONNECTION_CLOSE:
            self.over(f"the broker closed the connection: {_code_and_text(payload)}")

    def _confirmed(self, tag: int, multiple: bool, result: Reason | None) -> None:
        if not multiple:
            entry = self._waiting.pop(tag, None)
            if entry is not None:
                CONFIRM_SECONDS.observe(self._loop.time() - entry[2] + self._timeout)
                _end(entry[0], result, entry[3])
            elif tag in self._late:
                self._late.pop(tag)()
            return
        done = []
        for waiting in self._waiting:  # in the order of the tags
            if waiting > tag:
                break
            done.append(waiting)
        sent_to_now = self._loop.time() + self._timeout
        for waiting in done:
            confirm, _, deadline, settled = self._waiting.pop(waiting)
            CONFIRM_SECONDS.observe(sent_to_now - deadline)
            if not confirm.done():
                confirm.set_result(result)
            if settled is not None:
                settled()
        for late in [late for late in self._late if late <= tag]:
            self._late.pop(late)()

    def _returned(self, message_id: str | None) -> None:
        """A returned message is confirmed all the same, right after; it carries no tag, so its id must do."""
        for tag, (confirm, waiting_id, deadline, _) in self._waiting.items():
            if waiting_id == message_id and not confirm.done():
                self._waiting[tag] = confirm, waiting_id, deadline, None
                confirm.set_result("unroutable")
                return

    def over(self, why: str) -> None:
        """End everything that waits: the connection or the channel is no more."""
        if self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None
        waiting, self._waiting = self._waiting, {}
        for confirm, _, _, settled in waiting.values():
            _end(confirm, "disconnected", settled)
        unsettled, self._late = self._late, {}
        for settle in unsettled.values():
            settle()
        if not self.closed.done():
            self.closed.set_result(why)


def _end(confirm: Confirm, result: Reason | None, settled: Settled | None = None) -> None:
    if not confirm.done():
        confirm.set_result(result)
    if settled is not None:
        settled()


def _short(payload: bytes, at: int) -> str:
    """Return the short string that begins at a place of a method's payload."""
    return payload[at + 1 : at + 1 + payload[at]].decode(errors="replace")


def _code_and_text(payload: bytes) -> str:
    return f"{int.from_bytes(payload[4:6])} {_short(payload, 6)}"
