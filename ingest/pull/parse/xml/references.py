"""References of an XML file that mean nothing: undefined entities, bare ampersands, characters that XML forbids.

A parser gives up a whole file for one of them. Here each is replaced by a mark that says what stood there and in which
line, so that it costs its item. The blocks are cut behind the last `>`, where no reference and no bracket of a CDATA
section or comment is ever cut in two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_LONGEST_RUN = 1 << 20
"""Text without any > that is kept back at most."""
_LONGEST_REFERENCE = 80
_SPACE = b" \t\r\n"
_PADDING = bytes(set(range(33)))
"""White space, and what some systems put behind the end of a file: U+0000, Ctrl-Z."""
_FAULTY = re.compile(
    rb"&(?!(?:amp|lt|gt|quot|apos|#(?:9|10|13|3[2-9]|[4-9]\d|[1-9]\d\d\d?)|#x(?:9|[aAdD]|[2-9a-fA-F][\da-fA-F]"
    rb"|[1-9a-fA-F][\da-fA-F]{2}));)"
)
_REFERENCE = re.compile(rb"&(?:(#x[\da-fA-F]{1,8}|#\d{1,8}|[^\W\d][\w.:\-]{0,60});)?")
_OPENS = re.compile(rb"<!\[CDATA\[|<!--|<\?")
_CDATA = b"<![CDATA["
_CLOSES = {_CDATA: b"]]>", b"<!--": b"-->", b"<?": b"?>"}
_ESCAPED = re.compile(r"&(?:#x([\da-fA-F]+)|#(\d+)|(\w+));", re.ASCII)
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_OPEN, _CLOSE = "\ufdd0", "\ufdd1"
"""Characters that are never text (Unicode's noncharacters) and that XML lets pass."""
MARK = re.compile(f"\ufffd{_OPEN}(\\d+):([^{_CLOSE}]*){_CLOSE}")


class References:
    """Passes an XML file on with its faulty references marked. `marked` counts the marks set so far."""

    def __init__(self) -> None:
        self.marked = 0
        self._lines = 1
        self._closing: bytes | None = None
        """What ends the CDATA section, comment or instruction that the last block ended in."""

    def passed(self, blocks: Iterator[tuple[bytes, bool]]) -> Iterator[tuple[bytes, bool]]:
        """Yield (UTF-8, suspect) blocks, without white space before and padding behind the document."""
        waiting, suspects, started = b"", False, False
        for block, suspect in blocks:
            if not started:
                text = (waiting + block).lstrip(_SPACE)
                self._lines += (waiting + block).count(b"\n") - text.count(b"\n")
                waiting, started, suspects = b"", bool(text), suspects or suspect
                data = text
            else:
                data, suspects = waiting + block, suspects or suspect
            cut = _cut(data)
            waiting = data[cut:]
            if cut:
                yield self._marked(data[:cut]), suspects
                suspects = suspect
        if waiting.strip(_PADDING):
            yield self._marked(waiting), suspects

    def _marked(self, data: bytes) -> bytes:
        if self._closing is None and (b"&" not in data or _FAULTY.search(data) is None):
            if (b"!" in data and b"<!" in data) or (b"?" in data and b"<?" in data):  # one byte is found in no time
                self._pass_over(data)
        else:
            data = self._walk(data)
        self._lines += lines_in(data)
        return data

    def _pass_over(self, data: bytes) -> None:
        """Note what the block ends in. Where all CDATA sections end, and nothing else begins, it is nothing."""
        if data.count(b"<![CDATA[") != data.count(b"]]>") or b"<!--" in data or b"<?" in data:
            self._walk(data)

    def _walk(self, data: bytes) -> bytes:
        """Mark what is faulty outside CDATA sections, comments and instructions."""
        pieces, at = [], 0
        while at < len(data):
            if self._closing is not None:
                end = data.find(self._closing, at)
                if end < 0:
                    break
                pieces.append(data[at : end + len(self._closing)])
                at, self._closing = end + len(self._closing), None
            opens = _OPENS.search(data, at)
            end = opens.start() if opens else len(data)
            pieces.append(self._in_markup(data, at, end))
            at = end
            if opens:
                self._closing = _CLOSES[opens[0]]
                pieces.append(opens[0])
                at = opens.end()
        return b"".join([*pieces, data[at:]])

    def _in_markup(self, data: bytes, begin: int, end: int) -> bytes:
        pieces, at, lines, counted = [], begin, self._lines, 0
        for found in _FAULTY.finditer(data, begin, end):
            start = found.start()
            if start < at:
                continue
            reference = _REFERENCE.match(data, start, end)
            name = (reference[1] or b"").decode("utf-8", "replace") if reference else ""
            if reference is None or _is_character(name):
                continue
            lines, counted = lines + data.count(b"\n", counted, start), start
            pieces.append(data[at:start])
            pieces.append(f"\ufffd{_OPEN}{lines}:{name}{_CLOSE}".encode())
            at = reference.end()
            self.marked += 1
        return b"".join([*pieces, data[at:end]])


def lines_in(data: bytes) -> int:
    """Return the number of newlines, at a fraction of what `count` costs."""
    return len(data) - len(data.replace(b"\n", b""))


def left_open(data: bytes, closing: bytes | None) -> bytes | None:
    """Return what ends the CDATA section, comment or instruction that this data ends in, if it began in `closing`."""
    at = 0
    while True:
        if closing is not None:
            end = data.find(closing, at)
            if end < 0:
                return closing
            at = end + len(closing)
        opens = _OPENS.search(data, at)
        if opens is None:
            return None
        at, closing = opens.end(), _CLOSES[opens[0]]


def without_cdata(data: bytes) -> tuple[bytes, bytes]:
    """Return the data with its CDATA sections written as text, and the rest from one on that is not closed in it."""
    if _CDATA not in data:
        return data, b""
    first, *sections = data.split(_CDATA)
    pieces = [first]
    for at, section in enumerate(sections):
        inside, closes, behind = section.partition(b"]]>")
        if not closes:
            return b"".join(pieces), _CDATA + _CDATA.join(sections[at:])
        pieces += inside.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;"), behind
    return b"".join(pieces), b""


def unescaped(text: str) -> str:
    """Return a text with what its references mean, of which none is faulty."""
    if "&#" in text:
        return _ESCAPED.sub(_character, text)
    for name in ("lt", "gt", "quot", "apos", "amp"):
        text = text.replace(f"&{name};", _ENTITIES[name])
    return text


def _character(reference: re.Match[str]) -> str:
    base, decimal, name = reference.groups()
    return _ENTITIES[name] if name else chr(int(base, 16) if base else int(decimal))


def fault(line: str, name: str) -> str:
    """Return what a mark means, as a sentence."""
    if not name:
        return f"a bare & in line {line}: expected &amp;"
    if name.startswith("#"):
        return f"the character reference &{name}; in line {line} is none that XML allows"
    return f"the entity &{name}; in line {line} is not defined in XML"


def _is_character(name: str) -> bool:
    """Return whether a reference is to a character that XML 1.0 has (section 2.2)."""
    if not name.startswith("#"):
        return name in ("amp", "lt", "gt", "quot", "apos")
    code = int(f"0{name[1:]}", 0) if name[1] == "x" else int(name[1:])
    return code in (9, 10, 13) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or 0x10000 <= code <= 0x10FFFF  # noqa: PLR2004 - the ranges of the standard


def _cut(data: bytes) -> int:
    """Return how much of the data can be passed on: up to and with the last >."""
    cut = data.rfind(b">") + 1
    if cut or len(data) < _LONGEST_RUN:
        return cut
    at = max(data.rfind(sign, len(data) - _LONGEST_REFERENCE) for sign in (b"&", b"<"))
    return at if at > 0 else len(data) - 3  # ]], -- and ? may go on
