"""The file that a transfer is written to, block by block, with its size and SHA-256 on the way: memory stays small."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from pathlib import Path
from threading import Lock

from ingest.pull.fetch.errors import FetchCode, FetchError, FetchUnavailable

BLOCK_BYTES = 256 * 1024
"""Written at once, by a thread: a slow disk must not hold up the event loop."""
PREFIX = "feedline-pull-"
"""Of every spool file, so that what a crash left behind can be told and deleted."""


class Spool:
    """One growing file, readable by its owner alone. It outlives a broken attempt, so that the next one can resume."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        try:
            descriptor, name = tempfile.mkstemp(prefix=PREFIX, dir=folder)
        except OSError:
            raise FetchUnavailable(FetchCode.DISK, "the puller cannot write to its folder") from None
        self.path = Path(name)
        self._file = os.fdopen(descriptor, "wb", buffering=0)
        self._lock = Lock()
        self._max_bytes = max_bytes
        self._hash = hashlib.sha256()
        self._block = bytearray()
        self._written = 0

    @property
    def size(self) -> int:
        """Return the bytes taken so far."""
        return self._written + len(self._block)

    async def take(self, chunk: bytes) -> None:
        """Append; raises `FetchError` (`too_large`) past the limit."""
        if self.size + len(chunk) > self._max_bytes:
            raise FetchError(FetchCode.TOO_LARGE, f"the file is larger than {self._max_bytes:,} bytes")
        self._block += chunk
        if len(self._block) >= BLOCK_BYTES:
            await self.flush()

    async def flush(self) -> None:
        """Write what is still in memory."""
        block, self._block = self._block, bytearray()
        self._written += len(block)
        await asyncio.to_thread(self._write, block)

    async def restart(self) -> None:
        """Forget everything taken so far."""
        self._block.clear()
        self._written = 0
        self._hash = hashlib.sha256()
        await asyncio.to_thread(self._empty)

    def content_hash(self) -> str:
        """Return the SHA-256 of all that was flushed, in hex."""
        return self._hash.hexdigest()

    def close(self) -> None:
        """Close the file and keep it. Waits for a write under way: its descriptor must not be reused under it."""
        with self._lock:
            self._file.close()

    def discard(self) -> None:
        """Close and delete the file."""
        self.close()
        self.path.unlink(missing_ok=True)

    def _write(self, block: bytearray) -> None:
        with self._lock:
            if self._file.closed:
                return  # the fetch was cancelled while this thread was waiting
            self._hash.update(block)
            view = memoryview(block)
            try:
                while view:
                    view = view[self._file.write(view) :]
            except OSError:
                self._written = 0  # what lies there now cannot be resumed: the next attempt begins again
                raise FetchUnavailable(FetchCode.DISK, "the puller's disk took no more") from None

    def _empty(self) -> None:
        with self._lock:
            if not self._file.closed:
                self._file.seek(0)
                self._file.truncate()
