"""Whether anything stands behind the last chunk of a body: trailer fields, or the next message.

aiohttp's parser takes the last trailer field of a message for the first header of the next one on the connection,
whoever sends that: behind a load balancer another vendor, whose items would then go to the feed whose hash the trailer
names (seen in 3.14). So a connection ends with the answer to a body that does not end plainly. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from aiohttp import StreamReader

_PLAIN_END: Final = b"\r\n0\r\n\r\n"


class Chunks:
    """Watches what a connection reads from the first chunked message on."""

    def __init__(self) -> None:
        self.body: StreamReader | None = None
        """The chunked body that has not ended yet."""
        self._tail = b""

    def end_plainly(self, data: bytes, came: Iterable[tuple[Any, StreamReader]]) -> bool:
        """Return whether the chunked bodies that ended in what was just read have nothing behind them.

        `came` are the messages that began in it. Something unusual but harmless, such as an extension of the last
        chunk, counts as more too.
        """
        bodies: list[StreamReader | None] = [] if self.body is None else [self.body]
        bodies += [payload if getattr(message, "chunked", False) else None for message, payload in came]
        self._tail = (self._tail + data)[-len(_PLAIN_END) :]
        self.body = None
        if not bodies or any(body is not None for body in bodies[:-1]):
            return not bodies
        last = bodies[-1]
        if last is not None and last.is_eof():
            return self._tail == _PLAIN_END
        self.body = last
        return True
