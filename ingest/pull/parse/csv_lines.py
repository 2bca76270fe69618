"""The lines of a CSV file for csv.reader, in lists: bounded, and held until their rows are safe, so it can go back.

A generator that handed out single lines would cost as much as csv.reader itself; lists let it run at C speed.
"""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterator
from itertools import chain
from typing import Any

from ingest.pull.parse.result import MAX_RECORD_BYTES

MAX_LINE = 1 << 20
"""A longer line is cut, and marked with U+0000 so that no value of it is taken."""
END = "\0\0the end\0\0"
"""A line put after the last one: if it comes back inside a record, a quote was open at the end of the file."""


class TooLongError(Exception):
    """No row ended within `MAX_RECORD_BYTES` of lines since the last `settle`."""


class Lines:
    """Hands lists of lines to the csv.reader that it makes, and can begin again at any line since `settle`.

    `unended_line` is the number of the last line if no newline ends it, once it has been read.
    """

    def __init__(self, texts: Iterator[tuple[str, bool]]) -> None:
        self._lists = self._split(texts)
        self._held: deque[tuple[list[str], bool]] = deque()
        self._base = 0
        self._reader_base = 0
        self._chars = 0
        self._delimiter = ","
        self._handed = 0
        self.unended_line: int | None = None
        self.rows: Any = None

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> list[str]:
        if self._chars > MAX_RECORD_BYTES:
            raise TooLongError
        lines, suspect = next(self._lists)
        self._chars += sum(map(len, lines))
        self._handed += len(lines)
        if lines[-1] == END and len(lines) > 1:
            self.unended_line = self._handed - 2
        self._held.append((lines, suspect))
        return lines

    def peek(self) -> list[str]:
        """Return the first lines of the file, before any reader; they will be read all the same."""
        if not self._held:
            next(self, None)
        return self._held[0][0] if self._held else []

    def start(self, delimiter: str, line: int) -> None:
        """Make `rows` a csv.reader that begins at the line of this number, counted from 0 in the file."""
        self._delimiter = delimiter
        self.rewind(line)

    @property
    def line(self) -> int:
        """Return the number of the next line to be read."""
        return self._reader_base + int(self.rows.line_num)

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
        self.rows = csv.reader(chain.from_iterable(chain([rest], self)), delimiter=self._delimiter)

    def _split(self, texts: Iterator[tuple[str, bool]]) -> Iterator[tuple[list[str], bool]]:
        carry, cutting, suspect = "", False, False
        for text, suspect in texts:
            lines = io.StringIO(carry + text, newline="").readlines()
            carry = "" if lines[-1].endswith("\n") else lines.pop()
            if cutting and lines:
                del lines[0]
                cutting = False
            if len(carry) > MAX_LINE or cutting:
                if not cutting:
                    lines.append(carry[:MAX_LINE] + "\0\n")
                carry, cutting = carry[-1:], True
            if lines:
                yield lines, suspect or cutting
        if carry.endswith("\r") and not cutting:
            yield [carry], suspect
            carry = ""
        yield ([carry, END] if carry and not cutting else [END]), suspect


def lines_of(row: list[str]) -> int:
    """Return the number of lines that a row took."""
    return 1 + sum(cell.count("\n") + cell.count("\r") - cell.count("\r\n") for cell in row)
