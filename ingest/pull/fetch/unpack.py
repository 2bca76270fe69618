"""Reading a spool file: decompression by content, bounded; and the check that it is no HTML page.

Everything here blocks: it is for the parser's thread or process, not for the event loop.
"""

from __future__ import annotations

import bz2
import io
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from ingest.pull.fetch.archive import ANY_MEMBER, ZIP_MAGIC, Wanted, open_member
from ingest.pull.fetch.errors import FetchCode, FetchError
from ingest.pull.fetch.gunzip import Gunzip
from ingest.pull.fetch.html import begins_html
from ingest.pull.fetch.request import Fetched
from schemas.settings import Settings

BUFFER_BYTES = 256 * 1024
RATIO_FROM_BYTES = 64 * 2**20
"""Small files may well shrink a thousandfold: the ratio counts from here on."""
_HEAD_BYTES = 2_048
_GZIP = b"\x1f\x8b\x08"
_BZIP2 = re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)", re.DOTALL)
_TAR_AT, _TAR = 257, b"ustar"
_UNSUPPORTED = {
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"Rar!\x1a\x07": "RAR",
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "old Excel",
    b"%PDF-": "PDF",
}


@dataclass(frozen=True, slots=True)
class ContentLimits:
    """How much may come out of a file: bytes in all, and times the file's own size."""

    max_unpacked_bytes: int = 8 * 2**30
    max_ratio: int = 200

    @classmethod
    def of(cls, settings: Settings) -> ContentLimits:
        """Return the limits that the settings give."""
        return cls(settings.pull_max_unpacked_bytes, settings.pull_max_ratio)


@contextmanager
def open_content(
    path: Path,
    *,
    content_encoding: str | None = None,
    wanted: Wanted = ANY_MEMBER,
    limits: ContentLimits | None = None,
) -> Iterator[BinaryIO]:
    """Open what a spool file holds as a buffered binary reader: plain, gzip, bzip2, or one member of a zip.

    `content_encoding` is what the server declared (`Fetched.content_encoding`): one more layer of gzip is then undone.
    gzip and bzip2 may be applied twice. `wanted` says which member of a zip with several is meant. Raises `FetchError`
    with a `content_…` code, on opening or on reading.
    """
    limits = limits or ContentLimits()
    with ExitStack() as stack:
        reader = cast(io.BufferedReader, stack.enter_context(path.open("rb", buffering=BUFFER_BYTES)))
        if content_encoding in ("gzip", "x-gzip") and _head(reader).startswith(_GZIP):
            # The server's own layer. Some say so of a .csv.gz as it lies on their disk: then it was the only one.
            reader = _bounded(stack, cast(IO[bytes], Gunzip(reader)), path, limits)
        inner = _unpack(reader, wanted, path, limits, stack)
        if inner is not reader and _is_stream(_head(inner)):  # packed once more, as happens to exports on their way
            inner = _unpack(inner, wanted, path, limits, stack)
        if inner is not reader and _is_packed(_head(inner)):
            raise FetchError(FetchCode.CONTENT_NESTED, "the file is an archive inside an archive")
        yield inner


def refuse_html(fetched: Fetched) -> None:
    """Raise `FetchError` (`html`) when a file is in truth a web page: nearly always a login or error page.

    Decided by how the content begins (`begins_html`): labels lie.
    """
    try:
        with open_content(fetched.path, content_encoding=fetched.content_encoding) as reader:
            head = reader.read(_HEAD_BYTES)
    except FetchError:
        return  # an archive that cannot be opened: the parser's open says why
    if begins_html(_text(head), labelled=fetched.content_type in ("text/html", "application/xhtml+xml")):
        raise FetchError(FetchCode.HTML, f"{fetched.url} answered an HTML page where a file was expected")


class _Bounded(io.RawIOBase):
    """A decompressor that counts what comes out, and says in our words what goes wrong."""

    def __init__(self, source: IO[bytes], packed_bytes: int, limits: ContentLimits) -> None:
        self._source = source
        self._out = 0
        self._most = min(limits.max_unpacked_bytes, max(limits.max_ratio * packed_bytes, RATIO_FROM_BYTES))

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place by unpacking up to it; from the end there is no going."""
        if whence == io.SEEK_END:
            raise io.UnsupportedOperation("seek from the end")
        self._out = self._source.seek(offset, whence)
        return self._out

    def tell(self) -> int:
        return self._out

    def readinto(self, buffer: Any) -> int:
        try:
            count = cast(io.BufferedIOBase, self._source).readinto(buffer)
        except EOFError:
            raise FetchError(FetchCode.CONTENT_TRUNCATED, "the compressed file breaks off") from None
        except (OSError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError):
            raise FetchError(FetchCode.CONTENT_CORRUPT, "the compressed file cannot be decompressed") from None
        self._out += count
        if self._out > self._most:
            raise FetchError(FetchCode.CONTENT_BOMB, f"the file unpacks to more than {self._most:,} bytes")
        return count


def _unpack(
    reader: io.BufferedReader, wanted: Wanted, path: Path, limits: ContentLimits, stack: ExitStack
) -> io.BufferedReader:
    head = _head(reader)
    for magic, name in _UNSUPPORTED.items():
        if head.startswith(magic):
            raise FetchError(FetchCode.CONTENT_UNSUPPORTED, f"the file is {name}")
    if head[_TAR_AT:].startswith(_TAR):
        raise FetchError(FetchCode.CONTENT_UNSUPPORTED, "the file is a tar archive")
    if head.startswith(_GZIP):
        source: IO[bytes] = cast(IO[bytes], Gunzip(reader))
    elif _BZIP2.match(head):
        source = bz2.BZ2File(reader)
    elif head.startswith(ZIP_MAGIC):
        source = stack.enter_context(open_member(_seekable(reader, stack), wanted))
    else:
        return reader
    return _bounded(stack, source, path, limits)


def _seekable(reader: io.BufferedReader, stack: ExitStack) -> IO[bytes]:
    """Return a reader that can be read from its end, as a zip must be: one inside a transfer coding is copied out."""
    if not isinstance(reader.raw, _Bounded):
        return reader
    copy = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
    shutil.copyfileobj(reader, copy, BUFFER_BYTES)
    return copy


def _bounded(stack: ExitStack, source: IO[bytes], path: Path, limits: ContentLimits) -> io.BufferedReader:
    stack.enter_context(source)
    raw = _Bounded(source, path.stat().st_size, limits)
    return stack.enter_context(io.BufferedReader(raw, BUFFER_BYTES))


def _head(reader: io.BufferedReader) -> bytes:
    return reader.peek(_HEAD_BYTES)[:_HEAD_BYTES]


def _is_stream(head: bytes) -> bool:
    return head.startswith(_GZIP) or _BZIP2.match(head) is not None


def _is_packed(head: bytes) -> bool:
    return _is_stream(head) or head.startswith((*ZIP_MAGIC, *_UNSUPPORTED)) or head[_TAR_AT:].startswith(_TAR)


def _text(head: bytes) -> str:
    """Decode enough to recognise a tag; UTF-16 by its byte order mark."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head.decode("utf-16", "replace")
    return head.decode("utf-8", "replace")
