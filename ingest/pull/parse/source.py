"""A file's bytes, to be read more than once: what only the whole file tells is looked up when it is first needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

from ingest.pull.records import BLOCK_BYTES, blocks_of


class UnseekableError(Exception):
    """The stream cannot be read again."""


class _Once:
    """A stream that yields bytes, to be read once."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = filter(None, parts)

    def read(self, _: int) -> bytes:
        return next(self._parts, b"")

    def seekable(self) -> bool:
        return False


class _Shared:
    """The stream, and which of its readers moved it last; `opener` opens it once more."""

    def __init__(self, given: Any) -> None:
        self.opener: Callable[[], Any] | None = given if callable(given) else None
        stream = given() if callable(given) else given
        self.stream = stream if hasattr(stream, "read") else cast(Any, _Once(stream))
        self.start = self.stream.tell() if self.stream.seekable() else None
        self.mover: Source | None = None


class Source:
    """One reader of a file, from its first byte; `again` and `ahead` are others of it, and reading moves no other."""

    def __init__(self, shared: _Shared, at: int = 0) -> None:
        self._shared = shared
        self._at = at

    @classmethod
    def of(cls, stream: Any) -> Source:
        """Return the reader of a binary file from where it stands; what cannot seek, or yields bytes, is read once.

        `stream` may be a function that opens the file: then `again` opens it, so that two readers may take turns in a
        compressed one, in which going back is slow.
        """
        shared = _Shared(stream)
        shared.mover = source = cls(shared)
        return source

    def read(self, size: int = BLOCK_BYTES) -> bytes:
        """Return the next bytes, at most `size`; none at the end. Raises UnseekableError."""
        shared = self._shared
        if shared.mover is not self:
            if shared.start is None:
                raise UnseekableError
            shared.stream.seek(shared.start + self._at)
            shared.mover = self
        data: bytes = shared.stream.read(size)
        self._at += len(data)
        return data

    def again(self) -> Source:
        """Return another reader, from the first byte."""
        return Source(self._shared) if self._shared.opener is None else Source.of(self._shared.opener)

    def ahead(self) -> Iterator[bytes]:
        """Yield the blocks from where this reader stands; none if the stream cannot be read again."""
        if self._shared.start is not None:
            yield from blocks_of(Source(self._shared, self._at))
