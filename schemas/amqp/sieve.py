"""Cuts an AMQP stream into frames and takes some of them out; all others pass on, whole and in their order.

Pure but for its callbacks. An answer that passes on (a cancel's, a close's) thus comes after everything before it.
Source: the AMQP 0-9-1 specification, 2.3.5 (frames).
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Final

METHOD: Final = 1
HEADER: Final = 2
BODY: Final = 3
HEARTBEAT: Final = 8
OVERHEAD: Final = 8
"""Bytes of a frame beside its payload; `frame_max` counts them."""
HEARTBEAT_FRAME: Final = b"\x08\x00\x00\x00\x00\x00\x00\xce"

_END: Final = 0xCE
_LARGEST_BYTES = 2**24
"""More than any broker is set to send in one frame."""
_KINDS = (METHOD, HEADER, BODY, HEARTBEAT)
_FRAME = Struct(">BHI")
_SIGN_OF_LIFE_S = 1.0

Take = Callable[[int, int, bytes], bool]
"""Given a frame's kind, channel and payload, tells whether it was taken."""
TakeWhole = Callable[[bytes, int], int]
"""Given a stream and where a frame begins in it, returns the end of the frames that it took there together, or 0."""


def nothing(_kind: int, _channel: int, _payload: bytes) -> bool:
    """Take nothing."""
    return False


def nowhere(_stream: bytes, _start: int) -> int:
    """Take nothing."""
    return 0


class Sieve:
    """Takes frames out of a byte stream, whatever its chunks; `pass_on` gets everything else.

    A stream that is not AMQP passes on from where it begins not to be: the library says what is wrong with it.
    """

    def __init__(self, pass_on: Callable[[bytes], None], clock: Callable[[], float]) -> None:
        """`clock` gives seconds."""
        self.take: Take = nothing
        self.take_whole: TakeWhole = nowhere
        """Is asked first, for several frames in a row that are one message."""
        self._pass_on = pass_on
        self._clock = clock
        self._rest = b""
        self._foreign = False
        self._beat_at = clock()

    def feed(self, data: bytes) -> None:
        """Take what came from the socket."""
        if self._foreign:
            self._pass_on(data)
            return
        data = self._rest + data
        start = kept = 0
        size, take, take_whole = len(data), self.take, self.take_whole
        while size - start >= OVERHEAD:
            end = take_whole(data, start)
            if not end:
                kind, channel, end = self._frame(data, start)
                if not end:
                    break
                if not take(kind, channel, data[start + 7 : end - 1]):
                    start = end
                    continue
            if kept < start:
                self._pass_on(data[kept:start])
            kept = start = end
        start = size if self._foreign else start
        if kept < start:
            self._pass_on(data[kept:start])
        if kept:
            self._show_life()
        self._rest = data[start:]

    def _frame(self, data: bytes, start: int) -> tuple[int, int, int]:
        """Return kind, channel and end of the frame that begins there; 0 for one that is not whole, or foreign."""
        kind, channel, length = _FRAME.unpack_from(data, start)
        end = start + OVERHEAD + length
        whole = end <= len(data)
        self._foreign = kind not in _KINDS or length > _LARGEST_BYTES or (whole and data[end - 1] != _END)
        return kind, channel, end if whole and not self._foreign else 0

    def _show_life(self) -> None:
        """The library ends a connection that it hears nothing of; RabbitMQ sends no heartbeats while it talks."""
        now = self._clock()
        if now - self._beat_at > _SIGN_OF_LIFE_S:
            self._beat_at = now
            self._pass_on(HEARTBEAT_FRAME)
