"""Bytes to text, the same way each time: by byte order mark, UTF-16, UTF-8, as given or declared, Windows-1252.

UTF-8 proves itself: text of another encoding hardly ever forms its sequences. So a given or declared encoding, wrong
as often as not, counts only when the bytes are not UTF-8. A file is undecided while it is plain ASCII; the first byte
that is not makes us look through the rest of it, for one byte early in a file says nothing about the whole. No encoding
is concluded from letters; but Windows-1252, the guess where nobody has said anything, is doubted by them
(`windows_1252`), and no key is taken from it that has other letters than ASCII's (`guessed`).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from ingest.feeds.mapping import encoding_name
from ingest.pull.parse.alphabets import Alphabet
from ingest.pull.parse.wide import SAMPLE_BYTES, wide_encoding
from ingest.pull.parse.windows_1252 import Windows1252
from ingest.pull.records import Doubt, Report

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
_ASCII = bytes(range(128))
_NOT_LEADS = bytes(range(0xC2)) + bytes(range(0xF5, 0x100))
_NOT_LONG_LEADS = bytes(range(0xE0)) + bytes(range(0xF5, 0x100))
_UNDEFINED_1252 = b"\x81\x8d\x8f\x90\x9d"
_WINDOWS_1252 = bytes(range(256)).decode("cp1252", "replace")
_WINDOWS_TABLE = "".join(chr(i) if c == "\ufffd" else c for i, c in enumerate(_WINDOWS_1252))
"""As the WHATWG encoding standard has it: its five undefined bytes are the control characters of the same number."""
_SINGLE_BYTE = re.compile(r"cp125\d|iso8859-\d+|koi8-[ru]|cp4\d\d|cp8\d\d|mac-roman")
_UTF8 = "ask the vendor for UTF-8"
_REMEDY = f"set the feed's encoding (windows-1251, shift_jis, gb18030, mac-roman, windows-1252 …), or {_UTF8}"
_CUT = "the file ends inside a character; if it is whole, set the feed's encoding"
_SHIFT = re.compile(rb"\x1b[$(][()@A-JZ]")
"""Where ISO-2022 changes to other letters, written in ASCII's bytes."""
_SHIFTS = {"utf-7": b"+", "utf7": b"+", "hz": b"~{", "hz-gb-2312": b"~{"}
"""How others do, by the name that somebody has to tell."""
_SURE = 4
"""Times as many sequences of UTF-8 as bytes that form none outweigh what was declared."""


@dataclass(slots=True)
class Survey:
    """What the bytes of a file, from its first one that is not ASCII on, say about its encoding.

    `valid` are sequences of UTF-8, `long` those of three bytes or four, `invalid` other bytes beyond ASCII, and
    `undefined` those that Windows-1252 does not have; `cut`: at the end the first bytes of a sequence stand, which are
    counted as neither. `alphabet` is that of the declared encoding, if it is another one than Latin.
    """

    valid: int = 0
    long: int = 0
    invalid: int = 0
    undefined: int = 0
    cut: bool = False
    windows: Windows1252 = field(default_factory=Windows1252)
    alphabet: Alphabet | None = None

    @classmethod
    def of(cls, blocks: Iterable[bytes], declared: str | None = None) -> Survey:
        """Return the survey of these bytes; `declared` is what somebody said their encoding is."""
        survey, rest = cls(), b""
        if declared is not None and _SINGLE_BYTE.fullmatch(declared):
            survey.alphabet = Alphabet.of(declared)
        for block in blocks:
            data = rest + block if rest else block
            cut = _CUT_SEQUENCE.search(data, max(len(data) - 3, 0))
            rest = b"" if cut is None else data[cut.start() :]
            survey.add(data[: cut.start()] if cut else data)
        survey.cut = bool(rest)
        survey.undefined += len(rest) - len(rest.translate(None, _UNDEFINED_1252))
        return survey

    def add(self, data: bytes) -> None:
        """Count these bytes in."""
        if data.isascii():
            return
        self.undefined += len(data) - len(data.translate(None, _UNDEFINED_1252))
        try:
            data.decode()
        except UnicodeDecodeError:
            self.windows.add(data)
            if self.alphabet is not None:
                self.alphabet.add(data)
            without, count = _SEQUENCE.subn(b"", data)
            self.valid += count
            self.invalid += len(without.translate(None, _ASCII))
            self.long += sum(1 for found in _SEQUENCE.finditer(data) if found.end() - found.start() > 2)  # noqa: PLR2004
        else:
            self.valid += len(data.translate(None, _NOT_LEADS))
            self.long += len(data.translate(None, _NOT_LONG_LEADS))

    def encoding(self, declared: str | None) -> str:
        """Return the encoding of a file that is not ASCII; `declared` is what somebody said it is."""
        if declared is None:
            return "utf-8" if self.valid > self.invalid or (self.cut and not self.invalid) else "cp1252"
        if declared == "utf-8":
            return declared
        if _SINGLE_BYTE.fullmatch(declared):
            return "utf-8" if self.valid > _SURE * self.invalid else declared
        return "utf-8" if self.long and not self.invalid else declared

    def doubt(self, name: str, *, declared: bool, given: bool) -> str | None:
        """Return what speaks against this encoding, which is not UTF-8; None for nothing.

        `declared`: somebody has said what it is; `given`: the feed does, whom letters do not contradict.
        """
        if self.alphabet is not None and name == self.alphabet.name and self.alphabet.doubtful and not given:
            return (
                f"the encoding cannot be told: it is said to be {name}, in which its letters make no words; {_REMEDY}"
            )
        if name != "cp1252":
            return None
        if self.undefined:
            what = f"{self.undefined} bytes that Windows-1252 does not have (81, 8D, 8F, 90 or 9D)"
        elif not declared and (self.long or _SURE * self.valid > self.invalid):
            what = f"{self.valid} characters of UTF-8 beside {self.invalid} bytes that are none"
        elif not given and self.windows.doubtful:
            what = "the file is not UTF-8, and in Windows-1252 its letters make no words"
        else:
            return None
        return f"the encoding cannot be told: {what}; {_REMEDY}"


class Decoder:
    """Turns the blocks of one file into text.

    `given` is the feed's setting, `declared` what the file or the transport said; `ahead` gives the blocks behind the
    one that is being decoded. `name` is the encoding used, "ascii" while undecided; `doubt` is why it may be wrong, and
    `guessed` is set when nobody has said it and nothing proves it.
    `suspect` is set while the text last returned may hold what could not be decoded: a lone surrogate, or U+FFFD, in
    its place.
    """

    def __init__(
        self, given: str | None, declared: str | None = None, ahead: Callable[[], Iterable[bytes]] | None = None
    ) -> None:
        self.name = "ascii"
        self.doubt: str | None = None
        self.doubt_code: Doubt = "encoding"
        self.guessed = False
        self.suspect = False
        self._given = given
        self._declared = given or _known(declared)
        self._shift = None if given else _SHIFTS.get((declared or "").strip().lower())
        self._ahead = ahead or (lambda: ())
        self._rest = b""
        self._started = False
        self._incremental: codecs.IncrementalDecoder | None = None

    @property
    def waits(self) -> bool:
        """Return whether bytes of a cut character wait for the next block, or ASCII may be other letters."""
        return bool(self._rest) or self._shift is not None

    def decode(self, block: bytes, *, final: bool = False) -> str:
        """Return the text of the next block; the bytes of a character that is cut wait for the next one."""
        data = self._rest + block
        self._rest = b""
        if not self._started and data:
            self._started = True
            data = self._start(data)
        if self.name == "ascii":
            if data.isascii():
                self._look_for_shifts(data)
                return data.decode("ascii")
            self._decide(data)
        return self._text(data, final=final)

    def _look_for_shifts(self, data: bytes) -> None:
        """Doubt ASCII that means other letters than its own."""
        if (b"\x1b" in data and _SHIFT.search(data)) or (self._shift is not None and self._shift in data):
            self._doubt("the file is written in an encoding that is not read (ISO-2022, UTF-7 or HZ): " + _UTF8)

    def _doubt(self, why: str | None, code: Doubt = "encoding") -> None:
        if why is not None and self.doubt is None:
            self.doubt, self.doubt_code = why, code

    def _start(self, data: bytes) -> bytes:
        mark, marked = next(((m, name) for m, name in _MARKS if data.startswith(m)), (b"", None))
        if marked is not None:
            self._use(marked)
            return data[len(mark) :]
        wide = wide_encoding(data)
        if wide is not None:
            self._use(wide)
        elif self._given is not None and self._given.startswith(("utf-16", "utf-32")) and b"\0" in data[:SAMPLE_BYTES]:
            self._use(self._given)
        return data

    def _decide(self, data: bytes) -> None:
        declared = None if self._declared is None else _plain(self._declared)
        if declared is not None and declared.startswith(("utf-16", "utf-32")):
            declared = None  # it would have zero bytes
        survey = Survey.of(chain([data], self._ahead()), declared)
        name = survey.encoding(declared)
        self._use(name)
        self._doubt(survey.doubt(name, declared=declared is not None, given=self._given is not None))
        self.guessed = declared is None and name != "utf-8"

    def _use(self, name: str) -> None:
        self.name = _plain(name)
        if self.name in ("utf-16", "utf-32"):
            self.name += "-le"
        if self.name not in ("utf-8", "cp1252"):
            self._incremental = codecs.getincrementaldecoder(self.name)("replace")

    def _text(self, data: bytes, *, final: bool) -> str:
        self.suspect = False
        if self.name == "cp1252":
            return codecs.charmap_decode(data, "strict", _WINDOWS_TABLE)[0]
        if final and (data or (self._incremental is not None and self._incremental.getstate()[0])):
            self._doubt(_CUT, "truncated")
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


def _plain(name: str) -> str:
    return {"utf-8-sig": "utf-8", "ascii": "cp1252", "iso8859-1": "cp1252"}.get(name, name)


def texts_of(blocks: Iterator[bytes], decoder: Decoder, report: Report) -> Iterator[tuple[str, bool]]:
    """Yield each block's text and whether it is suspect: U+0000 in it, or bytes that could not be decoded."""
    for block in blocks:
        text = decoder.decode(block)
        _note(decoder, report)
        if text:
            yield text, decoder.suspect or "\0" in text
    text = decoder.decode(b"", final=True)
    _note(decoder, report)
    report.encoding = "utf-8" if decoder.name == "ascii" else decoder.name
    if text:
        yield text, decoder.suspect or "\0" in text


def utf8_of(blocks: Iterator[bytes], decoder: Decoder, report: Report) -> Iterator[tuple[bytes, bool]]:
    """Yield each block as UTF-8, and whether U+FFFD was put in it for bytes that could not be decoded."""
    for block in blocks:
        if decoder.name == "ascii" and not decoder.waits and block.isascii() and b"\0" not in block:
            report.encoding = "utf-8"
            yield block, False
            continue
        text = decoder.decode(block)
        _note(decoder, report)
        yield from _utf8(decoder, text)
    text = decoder.decode(b"", final=True)
    _note(decoder, report)
    yield from _utf8(decoder, text)
    report.encoding = "utf-8" if decoder.name == "ascii" else decoder.name


def _note(decoder: Decoder, report: Report) -> None:
    report.encoding, report.encoding_guessed = decoder.name, decoder.guessed
    if decoder.doubt is not None:
        report.break_off(decoder.doubt, decoder.doubt_code)


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
