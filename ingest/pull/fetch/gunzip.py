"""A gzip file as a stream: of one or more members (RFC 1952), and whatever white space a server put behind the last.

The standard library's `GzipFile` takes a newline behind the last member for damage.
"""

from __future__ import annotations

import io
import zlib
from typing import IO, Any

MAGIC = b"\x1f\x8b"
_BLOCK_BYTES = 1 << 16
_PADDING = b"\0\r\n\t "
_WITH_HEADER = 31
"""zlib's word for a gzip member with the largest window."""


class Gunzip(io.RawIOBase):
    """Unpacks a file. Reading raises EOFError when it breaks off, OSError or zlib.error when it is damaged."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._start = file.tell()
        self._begin()

    def _begin(self) -> None:
        self._member = zlib.decompressobj(_WITH_HEADER)
        self._feed = b""
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place by unpacking up to it."""
        target = offset + (self._at if whence == io.SEEK_CUR else 0)
        if target < self._at:
            self._file.seek(self._start)
            self._begin()
        while self._at < target and self.read(min(target - self._at, _BLOCK_BYTES)):
            pass
        return self._at

    def readinto(self, buffer: Any) -> int:
        while True:
            if self._member.eof and not self._next_member():
                return 0
            feed = self._feed or self._file.read(_BLOCK_BYTES)
            data = self._member.decompress(feed, len(buffer))
            self._feed = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            if data:
                buffer[: len(data)] = data
                self._at += len(data)
                return len(data)
            if not feed and not self._member.eof:
                raise EOFError

    def _next_member(self) -> bool:
        """Begin the next member, behind padding; False when there is none."""
        rest = self._feed.lstrip(_PADDING)
        while not rest:
            block = self._file.read(_BLOCK_BYTES)
            if not block:
                return False
            rest = block.lstrip(_PADDING)
        if not MAGIC.startswith(rest[: len(MAGIC)]):
            raise OSError("no gzip member")
        self._member, self._feed = zlib.decompressobj(_WITH_HEADER), rest
        return True
