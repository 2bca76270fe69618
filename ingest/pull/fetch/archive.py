"""The one member of a zip that is meant; its directory is read only after checking how large it claims to be."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO

from ingest.feeds.transforms import compile_pattern
from ingest.pull.fetch.errors import FetchCode, FetchError
from schemas.items import shown

ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
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
def open_member(file: IO[bytes], wanted: Wanted) -> Iterator[IO[bytes]]:
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
