"""The lines of a CSV file for csv.reader, in lists: bounded, and held until their rows are safe, so it can go back.

A generator that handed out single lines would cost as much as csv.reader itself; lists let it run at C speed.
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

from ingest.pull.parse.csv.dialect import Dialect
from ingest.pull.records import MAX_RECORD_BYTES
from schemas.keys import clean_key

MAX_LINE = 1 << 20
"""A longer line is cut, and marked with U+0000 so that no value of it is taken."""
END = "\0\0the end\0\0"
"""A line put after the last one; csv.reader raises an error when a quote is open there."""
_ENOUGH = 4_096
_CTRL_Z = "\x1a"
"""The end of a file to CP/M and MS-DOS; some programs still write it."""


class TooLongError(Exception):
    """No row ended within `MAX_RECORD_BYTES` of lines since the last `settle`."""


class Lines:
    """Hands lists of lines to the csv.reader that it makes, and can begin again at any line since `settle`.

    `unended_line` is the number of the last line if no newline ends it, once it has been read.
    """

    def __init__(self, texts: Iterator[tuple[str, bool]]) -> None:
        self._texts = self._split(texts)
        self._ahead: tuple[str | list[str], bool] | None = None
        self._held: deque[tuple[list[str], bool]] = deque()
        self._base = 0
        self._reader_base = 0
        self._chars = 0
        self._dialect = Dialect(",")
        self._handed = 0
        self._may_escape = False
        self.unended_line: int | None = None
        self.rows: Any = None

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> list[str]:
        if self._chars > MAX_RECORD_BYTES:
            raise TooLongError
        text, suspect = self._ahead or next(self._texts)
        self._ahead = None
        if isinstance(text, str):
            self._may_escape |= self._dialect.may_escape(text)
            if self._dialect.escape:
                text = self._dialect.unescaped(text)
        lines = io.StringIO(text, newline="").readlines() if isinstance(text, str) else text
        self._chars += sum(map(len, lines))
        self._handed += len(lines)
        if lines[-1] == END and len(lines) > 1:
            self.unended_line = self._handed - 2
        self._held.append((lines, suspect))
        return lines

    def plain(self) -> tuple[str, bool] | None:
        """Return the next lines, whole, and whether they are suspect, if nothing in them is escaped.

        None as well while the csv.reader still has lines. `skip` takes them; else the csv.reader will read them.
        """
        if self.left:
            return None
        if self._ahead is None:
            self._ahead = next(self._texts, None)
        text, suspect = self._ahead or ("", False)
        if not isinstance(text, str) or not text:
            return None
        if "\\" in text and (self._dialect.escape or self._dialect.may_escape(text)):
            return None
        return text, suspect

    def skip(self, count: int) -> None:
        """Take the lines that `plain` returned."""
        self._ahead = None
        self._base += count
        self._handed += count
        self._reader_base += count

    def peek(self) -> list[str]:
        """Return the first lines of the file, before any reader; they will be read all the same."""
        if not self._held:
            next(self, None)
        return self._held[0][0] if self._held else []

    def start(self, dialect: Dialect, line: int) -> None:
        """Make `rows` a csv.reader that begins at the line of this number, counted from 0 in the file."""
        self._dialect = dialect
        self._held = deque(
            ([dialect.unescaped(each) if dialect.escape else each for each in lines], suspect)
            for lines, suspect in self._held
        )
        self._may_escape = any(dialect.may_escape(each) for lines, _ in self._held for each in lines)
        self.rewind(line)

    def put_back(self) -> None:
        """Let `plain` give the lines that the csv.reader has been given and not read, if they are as in the file."""
        line = self.line
        rest = [held for lines, _ in self._held for held in lines][line - self._base :]
        if not rest or rest[-1] == END or self._ahead is not None or self._dialect.escape:
            return
        self._ahead = "".join(rest), self.suspect
        self._held.clear()
        self._base = self._reader_base = self._handed = line
        self._chars = 0
        self.rows = self._dialect.rows(chain.from_iterable(self))

    def raw(self, line: int, count: int) -> list[str]:
        """Return so many lines from the one of this number on, which is not settled."""
        held = chain.from_iterable(lines for lines, _ in self._held)
        return list(islice(held, line - self._base, line - self._base + count))

    def following(self, line: int, count: int) -> list[str]:
        """Return the next lines from this number on, up to `count`, that are not empty, as far as they are at hand; the
        end of the file is one of them.
        """
        held = islice(chain.from_iterable(lines for lines, _ in self._held), line - self._base, None)
        found = list(islice(filter(clean_key, held), count))
        if len(found) == count or found[-1:] == [END]:
            return found
        if self._ahead is None:
            try:
                self._ahead = next(self._texts, None)
            except Exception as error:  # noqa: BLE001 - raised when these lines' turn comes
                self._texts = _raising(error)
        text = self._ahead[0] if self._ahead else []
        more = io.StringIO(_begin_of(text), newline="") if isinstance(text, str) else text
        return found + list(islice(filter(clean_key, more), count - len(found)))

    @property
    def may_escape(self) -> bool:
        """Return whether a line since the start may hold an escaped quote, and nobody has said what it means."""
        return self._may_escape

    @property
    def line(self) -> int:
        """Return the number of the next line to be read."""
        return self._reader_base + int(self.rows.line_num)

    @property
    def left(self) -> int:
        """Return the number of lines that the csv.reader has been given and not read."""
        return self._handed - self.line

    @property
    def suspect(self) -> bool:
        """Return whether a line since `settle` may hold what is no text."""
        return any(suspect for _, suspect in self._held)

    def settle(self) -> None:
        """Forget the lines that were read; memory is free for as many again."""
        line = self.line
        while self._held and self._base + len(self._held[0][0]) <= line:
            self._base += len(self._held.popleft()[0])
        self._chars = 0

    def rewind(self, line: int) -> None:
        """Begin again at a line."""
        suspect = self.suspect
        rest = [held for lines, _ in self._held for held in lines][line - self._base :]
        self._held = deque([(rest, suspect)])
        self._base = self._reader_base = line
        self._chars = 0
        self.rows = self._dialect.rows(chain.from_iterable(chain([rest], self)))

    def _split(self, texts: Iterator[tuple[str, bool]]) -> Iterator[tuple[str | list[str], bool]]:
        """Yield whole lines, as one text; at last the end of the file as a list."""
        carry, cutting, suspect = "", False, False
        for piece, suspect in texts:
            text = carry + piece
            # A \r at the very end may be the first half of a line's end.
            cut = max(text.rfind("\n"), text.rfind("\r", 0, len(text) - 1)) + 1
            whole, carry = text[:cut], text[cut:]
            if cutting and whole:
                whole = whole[len(io.StringIO(whole, newline="").readline()) :]
                cutting = False
            if len(carry) > MAX_LINE or cutting:
                if not cutting:
                    whole += carry[:MAX_LINE] + "\0\n"
                carry, cutting = carry[-1:], True
            if whole:
                yield whole, suspect or cutting
        carry = carry.rstrip(_CTRL_Z)
        if carry.endswith("\r") and not cutting:
            yield [carry], suspect
            carry = ""
        yield ([carry, END] if carry and not cutting else [END]), suspect


def _begin_of(text: str) -> str:
    """Return some whole lines that a text begins with, for it may be long."""
    return text[: text.rfind("\n", 0, _ENOUGH) + 1] or text


def _raising(error: Exception) -> Iterator[tuple[str | list[str], bool]]:
    raise error
    yield


def lines_of(row: list[str]) -> int:
    """Return the number of lines that a row took."""
    return 1 + sum(cell.count("\n") + cell.count("\r") - cell.count("\r\n") for cell in row)
