"""A window over a JSON document that never holds more than one record's worth of it, and the tokens in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ingest.pull.records import MAX_RECORD_BYTES, FormatError

_STRING = rb'"[^"\\]*(?:\\.[^"\\]*)*"'
_TOKEN = re.compile(rb"[ \t\r\n]*(?:([{}\[\]:,])|(" + _STRING + rb')|([^\s{}\[\]:,"]+))', re.DOTALL)
_STRUCTURE = re.compile(_STRING + rb'|[{}\[\],"]', re.DOTALL)
_STRING_END = re.compile(rb'[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_IS_ARRAY = re.compile(rb"[ \t\r\n]{0,50}:[ \t\r\n]{0,50}\[")
_SPACE_LOOKED_AT = 102
PADDING = bytes(set(range(33)))
"""White space, and what some systems put behind the end of a file: U+0000, Ctrl-Z."""
_SPACE = re.compile(rb"[ \t\r\n]*")
_OPENS, _CLOSES = b"{[", b"}]"


class BrokenError(Exception):
    """The document is not well-formed JSON, or ends too early; the message says where."""


@dataclass(slots=True)
class Span:
    """Whole values of an array found in the window: where each begins and ends; whether the array ends after them.

    `after` is where reading goes on.
    """

    values: list[tuple[int, int]]
    after: int
    ended: bool


class Window:
    """Bytes of the document from `position` on; `fill` adds the next block and forgets what was read."""

    def __init__(self, blocks: Iterator[tuple[bytes, bool]]) -> None:
        self._blocks = blocks
        self.data = b""
        self.position = 0
        self.suspect = False
        """U+FFFD was put in for bytes that could not be decoded, somewhere so far."""
        self.at_end = False

    @property
    def length(self) -> int:
        """Return the number of bytes not read yet."""
        return len(self.data) - self.position

    def fill(self) -> bool:
        """Add the next block; False at the end of the document."""
        block, suspect = next(self._blocks, (b"", False))
        if not block:
            self.at_end = True
            return False
        self.suspect |= suspect
        self.data = self.data[self.position :] + block
        self.position = 0
        return True

    def double(self) -> bool:
        """Fill until the window is twice as long, so that looking again and again costs no more than looking once."""
        wanted = min(2 * self.length, MAX_RECORD_BYTES + 1)
        grown = self.fill()
        while grown and self.length < wanted and self.fill():
            pass
        return grown

    def token(self) -> bytes:
        """Read the next token: a sign, a string with its quotes, or a number or name; b"" at the end of the document.

        Raises FormatError for a string beyond all bounds, BrokenError for one that is cut off.
        """
        while True:
            found = _TOKEN.match(self.data, self.position)
            # A number or name at the end of the window may go on in the next block.
            if found is not None and (found[3] is None or found.end() < len(self.data) or self.at_end):
                self.position = found.end()
                return found[1] or found[2] or found[3]
            if self.length > MAX_RECORD_BYTES:
                raise FormatError(f"a value outside the items is larger than {MAX_RECORD_BYTES >> 20} MiB")
            if not self.fill():
                if found is not None:
                    continue
                if self.data[self.position :].strip():
                    raise BrokenError("the file ends inside a value")
                return b""

    def next_is(self, signs: bytes) -> bool:
        """Return whether the next sign is one of these; reads nothing but space."""
        while True:
            space = _SPACE.match(self.data, self.position)
            self.position = space.end() if space else self.position
            if self.position < len(self.data):
                return self.data[self.position] in signs
            if not self.fill():
                return False

    def more(self) -> bool:
        """Return whether another document follows; reads space, and padding at the end of the file."""
        while True:
            space = _SPACE.match(self.data, self.position)
            self.position = space.end() if space else self.position
            if self.data[self.position :].strip(PADDING):
                return True
            if not self.fill():
                return False

    def member_names(self, stop: tuple[str, ...]) -> list[str] | None:
        """Return the names in the object at `position`; None if one of `stop` holds an array, or it is no record."""
        while True:
            names, whole = self._member_names(stop)
            if whole:
                return names
            if self.length > MAX_RECORD_BYTES or self.at_end:
                return None
            self.double()

    def _member_names(self, stop: tuple[str, ...]) -> tuple[list[str] | None, bool]:
        """Return what `member_names` does, and whether the window was long enough to tell."""
        names: list[str] = []
        depth, named = 0, False
        for found in _STRUCTURE.finditer(self.data, self.position):
            sign = found[0]
            if sign == b'"' or (found.end() > len(self.data) - _SPACE_LOOKED_AT and not self.at_end):
                break
            if len(sign) > 1:
                if named and depth == 1:
                    names.append(sign[1:-1].decode("utf-8", "replace"))
                    if names[-1] in stop and _IS_ARRAY.match(self.data, found.end()):
                        return None, True
                named = False
            elif sign in _OPENS:
                depth += 1
                named = depth == 1 and sign == b"{"
            elif sign in _CLOSES:
                depth -= 1
                if depth == 0:
                    return names, True
            else:
                named = depth == 1
        return None, False

    def span(self, closing: bytes) -> Span:
        """Return the values of an array (`closing` is ]), or members of an object (}), that lie whole in the window.

        They are found by their brackets and commas.

        A value is not looked into: a broken one costs itself alone. Raises BrokenError where brackets do not pair.
        """
        values: list[tuple[int, int]] = []
        depth, start, after = 0, self.position, self.position
        for found in _STRUCTURE.finditer(self.data, self.position):
            sign = found[0]
            if len(sign) > 1:
                continue
            if sign == b'"':
                break
            if sign in _OPENS:
                depth += 1
            elif sign == b",":
                if depth == 0:
                    values.append((start, found.start()))
                    start = after = found.end()
            elif depth == 0:
                if sign != closing:
                    raise BrokenError(f"a {sign.decode()} where none was open")
                if self.data[start : found.start()].strip():
                    values.append((start, found.start()))
                return Span(values, found.end(), ended=True)
            else:
                depth -= 1
        return Span(values, after, ended=False)

    def value_end(self) -> int | None:
        """Return where the object or array that begins at `position` ends; None if that is not in the window."""
        depth = 0
        for found in _STRUCTURE.finditer(self.data, self.position):
            sign = found[0]
            if sign == b'"':
                return None
            if len(sign) == 1 and sign in _OPENS:
                depth += 1
            elif len(sign) == 1 and sign in _CLOSES:
                depth -= 1
                if depth == 0:
                    return found.end()
        return None

    def head(self) -> bytes:
        """Return an object of the members of the one at `position` that lie whole in the window."""
        depth, end = 0, None
        for found in _STRUCTURE.finditer(self.data, self.position):
            sign = found[0]
            if sign == b'"' or (sign in _CLOSES and depth == 1):
                break
            if len(sign) == 1:
                depth += (sign in _OPENS) - (sign in _CLOSES)
                end = found.start() if sign == b"," and depth == 1 else end
        return b"{}" if end is None or not self.next_is(b"{") else self.data[self.position : end] + b"}"

    def skip_value(self) -> bool:
        """Pass over the value at `position`, however large, in constant memory, up to the comma or bracket after it.

        Returns whether it ended.
        """
        depth = 0
        while True:
            token = self._skimmed()
            if token == b"":
                return False
            if token in (b"{", b"["):
                depth += 1
            elif token in (b"}", b"]"):
                depth -= 1
            if depth <= 0 and token not in (b",", b":"):
                return True

    def _skimmed(self) -> bytes:
        """Read a token as `token` does, but a string of any length, of which nothing is kept."""
        if not self.next_is(b'"'):
            return self.token()
        self.position += 1
        while True:
            found = _STRING_END.match(self.data, self.position)
            if found is not None:
                self.position = found.end()
                return b'""'
            # Keep a backslash at the end together with what it escapes.
            self.position = len(self.data) - (len(self.data) - len(self.data.rstrip(b"\\"))) % 2
            if not self.fill():
                return b""
