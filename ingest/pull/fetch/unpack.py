"""Reading a spool file: decompression by content, bounded; and the one member of a zip that is meant.

A zip's directory is read only after checking how large it claims to be. Everything here blocks: it is for the parser's
thread or process, not for the event loop.
"""

from __future__ import annotations

import bz2
import io
import re
import shutil
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO, cast

from ingest.feeds.transforms import compile_pattern
from ingest.pull.fetch.errors import FetchCode, FetchError
from ingest.pull.fetch.gunzip import Gunzip
from schemas.outcomes import shown
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
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
MAX_DIRECTORY_BYTES = 4 * 2**20
"""zipfile reads the whole directory into memory, several times its size."""
_END, _END64 = b"PK\x05\x06", b"PK\x06\x06"
_TAIL_BYTES = 22 + 65_535 + 20 + 56
"""The end record with its longest comment, and the two ZIP64 records before it."""
_TAKEN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
"""LZMA is left out: its dictionary, and so our memory, would be as large as the sender likes."""
_ENCRYPTED = 0x1
_SHOWN = 10
"""Names of members that an error lists."""


@dataclass(frozen=True, slots=True)
class ContentLimits:
    """How much may come out of a file: bytes in all, and times the file's own size."""

    max_unpacked_bytes: int = 8 * 2**30
    max_ratio: int = 200

    @classmethod
    def of(cls, settings: Settings) -> ContentLimits:
        """Return the limits that the settings give."""
        return cls(settings.pull_max_unpacked_bytes, settings.pull_max_ratio)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which member of an archive is meant: the one whose name matches `pattern` (RE2), else the one with a suffix."""

    suffixes: tuple[str, ...] = ()
    pattern: str | None = None

    def fits(self, name: str) -> bool:
        """Return whether a member may be the one."""
        if self.pattern is not None:
            return compile_pattern(self.pattern).search(name) is not None
        return name.lower().endswith(tuple(suffix.lower() for suffix in self.suffixes))


ANY_MEMBER = Wanted()


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
    elif head.startswith(_ZIP):
        source = stack.enter_context(_open_member(_seekable(reader, stack), wanted))
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
    return _is_stream(head) or head.startswith((*_ZIP, *_UNSUPPORTED)) or head[_TAR_AT:].startswith(_TAR)


@contextmanager
def _open_member(file: IO[bytes], wanted: Wanted) -> Iterator[IO[bytes]]:
    """Open the only member, or the only one that is wanted. Raises `FetchError` (`content_…`)."""
    _check_directory(file)
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        raise FetchError(FetchCode.CONTENT_CORRUPT, "the zip archive cannot be read") from None
    with archive:
        info = _pick(archive.infolist(), wanted)
        if info.flag_bits & _ENCRYPTED:
            raise FetchError(FetchCode.CONTENT_ENCRYPTED, "the zip archive is encrypted")
        if info.compress_type not in _TAKEN:
            raise FetchError(FetchCode.CONTENT_UNSUPPORTED, "the zip archive is compressed with an unusual method")
        try:
            member = archive.open(info)
        except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError):
            raise FetchError(FetchCode.CONTENT_CORRUPT, "the zip archive's member cannot be read") from None
        with member:
            yield member


def _pick(members: list[zipfile.ZipInfo], wanted: Wanted) -> zipfile.ZipInfo:
    names = {member.filename for member in members}
    if "[Content_Types].xml" in names or "mimetype" in names:
        raise FetchError(
            FetchCode.CONTENT_UNSUPPORTED, "the file is a workbook (Excel or OpenDocument), not a text file"
        )
    files = [member for member in members if not member.is_dir() and not _is_litter(member.filename)]
    if len(files) == 1 and wanted.pattern is None:
        return files[0]
    fitting = [member for member in files if wanted.fits(member.filename)]
    if len(fitting) == 1:
        return fitting[0]
    listed = ", ".join(str(shown(member.filename)) for member in (fitting or files)[:_SHOWN]) or "none"
    which = f"{len(fitting)} of them may be meant" if fitting else "none is the one that is looked for"
    raise FetchError(FetchCode.CONTENT_NO_MEMBER, f"the zip archive has {len(files)} files, {which}: {listed}")


def _is_litter(name: str) -> bool:
    """Return whether a member is what desktops leave behind: __MACOSX, .DS_Store, Thumbs.db."""
    path = PurePosixPath(name)
    return "__MACOSX" in path.parts or path.name.startswith(".") or path.name == "Thumbs.db"


def _check_directory(file: IO[bytes]) -> None:
    """Raise `FetchError` when the directory is larger than a feed's archive can have (APPNOTE 4.3.14, 4.3.16)."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - _TAIL_BYTES))
    tail = file.read(_TAIL_BYTES)
    file.seek(0)
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + 22:
        raise FetchError(FetchCode.CONTENT_TRUNCATED, "the zip archive has no end")
    (length,) = struct.unpack_from("<I", tail, at + 12)
    if length == 0xFFFFFFFF:  # noqa: PLR2004
        at = tail.rfind(_END64)
        length = struct.unpack_from("<Q", tail, at + 40)[0] if 0 <= at <= len(tail) - 56 else MAX_DIRECTORY_BYTES + 1
    if length > MAX_DIRECTORY_BYTES:
        raise FetchError(FetchCode.CONTENT_BOMB, "the zip archive's directory is too large")
