"""Values at a row's edges that a line's end without quotes around it has cut: what stands behind them is no row.

`A-1;5;soft` and `- washable` in a line of its own may be one row, whose last value is not what the first line holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from ingest.pull.parse.csv.dialect import Dialect
from ingest.pull.parse.csv.expected import Expected
from ingest.pull.parse.csv.foreign import ForeignRows, is_alone, is_footer, is_mere_remark
from ingest.pull.parse.csv.lines import END, Lines
from ingest.pull.parse.csv.shape import Shape
from ingest.pull.records import Block, Refused

_LINES_LOOKED_AT = 8
"""So many lines behind a row tell whether the file ends with remarks there."""
_FEW = 2
"""One key is no habit."""
_GOES_ON = re.compile(r"\s*[-+]?[\d.,']")
_NUMBER = re.compile(r"[-+]?[\d.,' ]{0,30}\d[\d.,' ]{0,30}", re.ASCII)
_LAST = "the line behind this row is none: it may be the rest of this value; got {!r}"
_FIRST = "the line before this row is none: it may be the beginning of this value; got {!r}"


class Breaks:
    """Looks for such values in a table of `width` columns; `find_habits` gives the shape of the whole file."""

    def __init__(self, lines: Lines, dialect: Dialect, width: int, find_habits: Callable[[], Shape]) -> None:
        self._lines, self._dialect, self._width, self._find_habits = lines, dialect, width, find_habits
        self._expected, self._foreign = Expected(), ForeignRows()
        self.behind_words = False
        """Whether the line before the next row is none, and may be the beginning of it."""

    def expect(self, expected: Expected, foreign: ForeignRows) -> None:
        """Take what the mapping says of the columns, and what tells foreign rows."""
        self._expected, self._foreign = expected, foreign

    def cut_last(self, cell: str, end: str, line: int) -> Refused | None:
        """Return what refuses the last cell of a row, if the line with this number, behind the row, may be its rest.

        `end` is how the row ends in the file: what quotes or a delimiter end is whole.
        """
        last = self._width - 1
        if last < 1 or last not in self._expected.mapped or end.endswith(self._dialect.delimiter):
            return None
        if self._dialect.quoted and end.endswith('"'):
            return None
        following = self._lines.following(line, _LINES_LOOKED_AT)
        if not following or following[0] == END or not self._may_go_on(following[0]):
            return None
        if following[-1] == END and all(self._kind(self._cells(line)) for line in following[:-1]):
            return None
        is_number = last in self._expected.numbers and _NUMBER.fullmatch(cell.strip())
        if is_number and not _GOES_ON.match(following[0]):
            return None
        return Refused("columns", _LAST.format(cell[:60]), cell)

    def doubt_last(self, block: Block, line: int | None) -> None:
        """Refuse the last cell of a block's last row if the line behind it, of this number, may be its rest."""
        if line is not None and block.records:
            row = block.records[-1]
            (written,) = self._lines.raw(line - 1, 1) or [""]
            row[-1] = self.cut_last(row[-1], written[-3:].rstrip("\r\n"), line) or row[-1]

    def refused(self, row: Sequence[str], block: Block, line: int | None) -> None:
        """Take note of a row that is none; `line` is the number of the one behind the good row right before it."""
        self.doubt_last(block, line)
        self.behind_words = self._width > 1 and is_alone(row) and not is_footer(row)

    def doubt_first(self, row: list[Any]) -> None:
        """Refuse the first cell of a row if the line before it may be its beginning."""
        expected = self._expected
        if self.behind_words and 0 in expected.mapped and 0 not in expected.numbers:
            is_key = expected.key == 0 and self._find_habits().has_key(row[0], _FEW)
            row[0] = row[0] if is_key else Refused("columns", _FIRST.format(row[0][:60]), row[0])
        self.behind_words = False

    def _may_go_on(self, line: str) -> bool:
        """Return whether a line is no row, not even one that is too short or too wide."""
        cells = self._cells(line)
        if len(cells) == self._width or self._kind(cells) == "header" or is_mere_remark(cells, self._dialect.delimiter):
            return False
        key = self._expected.key_of(cells, self._width) if len(cells) > 1 else None
        return key is None or not self._find_habits().has_key(key)

    def _kind(self, cells: list[str]) -> str | None:
        return self._foreign.kind_of(cells, self._width, self._dialect.delimiter)

    def _cells(self, line: str) -> list[str]:
        return self._dialect.split(line) or line.rstrip("\r\n").split(self._dialect.delimiter)
