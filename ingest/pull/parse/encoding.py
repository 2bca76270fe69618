"""Bytes to text, the same way each time: as given, by byte order mark, UTF-16, UTF-8, as declared, Windows-1252.

A file that has been plain ASCII so far is undecided; the first block that is not decides. UTF-8 proves itself: text of
another encoding hardly ever forms its sequences. So a declared charset (HTTP), wrong as often as not, counts only when
the bytes are not UTF-8. Nothing is guessed from letter statistics.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from ingest.feeds.mapping import encoding_name
from ingest.pull.records import FormatError, Report

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_CUT_SEQUENCE = re.compile(rb"(?:[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2})\Z")
_SURROGATE = re.compile("[\ud800-\udfff]")
_HIGH = re.compile(rb"[\x80-\xff]")
_WINDOWS_1252 = bytes(range(256)).decode("cp1252", "replace")
_WINDOWS_TABLE = "".join(chr(i) if c == "\ufffd" else c for i, c in enumerate(_WINDOWS_1252))
"""As the WHATWG encoding standard has it: its five undefined bytes are the control characters of the same number."""


class Decoder:
    """Turns the blocks of one file into text.

    `given` is the feed's setting, `declared` what the transport said; `name` is the encoding used, "ascii" while
    undecided. `suspect` is set while the text last returned may hold what could not be decoded: a lone surrogate, or
    U+FFFD, in its place.
    """

    def __init__(self, given: str | None, declared: str | None = None) -> None:
        self.name = "ascii"
        self.suspect = False
        self._given, self._declared = given, _known(declared)
        self._rest = b""
        self._started = False
        self._incremental: codecs.IncrementalDecoder | None = None

    @property
    def waits(self) -> bool:
        """Return whether bytes of a cut character wait for the next block."""
        return bool(self._rest)

    def decode(self, block: bytes, *, final: bool = False) -> str:
        """Return the text of the next block; the bytes of a character that is cut wait for the next one."""
        data = self._rest + block
        self._rest = b""
        if not self._started:
            self._started = True
            data = self._start(data)
        if self.name == "ascii":
            if data.isascii():
                return data.decode("ascii")
            if not self._decide(data, final=final):
                self._rest = data
                return ""
        return self._text(data, final=final)

    def _start(self, data: bytes) -> bytes:
        mark, marked = next(((m, name) for m, name in _MARKS if data.startswith(m)), (b"", None))
        if self._given is not None:
            self._use(self._given)
            fits = marked is not None and marked.replace("-le", "").replace("-be", "") in self.name
            return data[len(mark) :] if fits or (mark and self.name == "utf-8") else data
        if marked is not None:
            self._use(marked)
            return data[len(mark) :]
        zeros = "".join("0" if byte == 0 else "x" for byte in data[:4])
        if zeros in ("x0x0", "0x0x"):
            self._use("utf-16-le" if zeros == "x0x0" else "utf-16-be")
        return data

    def _decide(self, data: bytes, *, final: bool) -> bool:
        cut = None if final else _CUT_SEQUENCE.search(data)
        seen = data[: cut.start()] if cut else data
        valid = len(_SEQUENCE.findall(seen))
        invalid = len(_HIGH.findall(_SEQUENCE.sub(b"", seen)))
        if not valid and not invalid:
            return False
        self._use("utf-8" if valid > invalid else self._declared or "cp1252")
        return True

    def _use(self, name: str) -> None:
        self.name = {"utf-8-sig": "utf-8", "ascii": "cp1252", "iso8859-1": "cp1252"}.get(name, name)
        if self.name in ("utf-16", "utf-32"):
            self.name += "-le"
        if self.name not in ("utf-8", "cp1252"):
            self._incremental = codecs.getincrementaldecoder(self.name)("replace")

    def _text(self, data: bytes, *, final: bool) -> str:
        self.suspect = False
        if self.name == "cp1252":
            return codecs.charmap_decode(data, "strict", _WINDOWS_TABLE)[0]
        if self._incremental is not None:
            text = self._incremental.decode(data, final)
            self.suspect = "\ufffd" in text
            return text
        try:
            text, used = codecs.utf_8_decode(data, "strict", final)
        except UnicodeDecodeError:
            text, used = codecs.utf_8_decode(data, "surrogateescape", final)
            self.suspect = True
        self._rest = data[used:]
        return text


def texts_of(blocks: Iterator[bytes], decoder: Decoder, report: Report) -> Iterator[tuple[str, bool]]:
    """Yield each block's text and whether it is suspect: U+0000 in it, or bytes that could not be decoded."""
    for block in blocks:
        text = decoder.decode(block)
        report.encoding = decoder.name
        if text:
            yield text, decoder.suspect or "\0" in text
    text = decoder.decode(b"", final=True)
    report.encoding = "utf-8" if decoder.name == "ascii" else decoder.name
    if text:
        yield text, decoder.suspect or "\0" in text


def utf8_of(blocks: Iterator[bytes], decoder: Decoder, report: Report) -> Iterator[tuple[bytes, bool]]:
    """Yield each block as UTF-8, and whether U+FFFD was put in it for bytes that could not be decoded."""
    for block in blocks:
        if decoder.name == "ascii" and not decoder.waits and block.isascii() and b"\0" not in block[:4]:
            report.encoding = "utf-8"
            yield block, False
            continue
        yield from _utf8(decoder, decoder.decode(block))
        report.encoding = decoder.name
    yield from _utf8(decoder, decoder.decode(b"", final=True))
    report.encoding = "utf-8" if decoder.name == "ascii" else decoder.name


def _utf8(decoder: Decoder, text: str) -> Iterator[tuple[bytes, bool]]:
    if text:
        yield (_SURROGATE.sub("\ufffd", text) if decoder.suspect else text).encode(), decoder.suspect


def _known(declared: str | None) -> str | None:
    """Return Python's name of a declared charset; None for none, an unknown one, and UTF-8 (the bytes say that)."""
    try:
        name = encoding_name(declared) if declared else None
    except ValueError:
        return None
    return None if name in ("utf-8", "utf-8-sig", "ascii") else name


def refuse_other_format(start: str, expected: str) -> None:
    """Raise FormatError when the file's first characters show that it is HTML, or another format than expected."""
    head = start.lstrip("\ufeff \t\r\n")[:200].lower()
    seen = None
    if head.startswith(("<!doctype html", "<html", "<head", "<body")):
        seen = "an HTML page"
    elif head.startswith("<?xml") or (head.startswith("<") and expected != "XML"):
        seen = "XML"
    elif head[:1] in ("{", "[") and head:
        seen = "JSON"
    elif head.startswith("%pdf"):
        seen = "a PDF document"
    elif head.startswith("pk\x03\x04"):
        seen = "a zip archive or a spreadsheet (xlsx)"
    if seen and seen != expected:
        raise FormatError(f"expected {expected}, got {seen} that begins {head[:60]!r}")
