"""CSV to records: csv.reader over bounded lines, rows checked against the header, stray quotes survived.

csv.reader refuses a value over 128 KiB; lines and records are bounded in `lines.py`. A record that cannot be read, or
that a stray quote made of several lines, becomes a reject and reading goes on with the line after its first.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, cast

from ingest.pull.parse.csv.breaks import Breaks
from ingest.pull.parse.csv.dialect import Dialect
from ingest.pull.parse.csv.expected import Expected
from ingest.pull.parse.csv.foreign import MESSAGES, ForeignRows, is_alone, is_footer, tells_of_trouble
from ingest.pull.parse.csv.lines import END, Lines, TooLongError, lines_of
from ingest.pull.parse.csv.plain import columns_of
from ingest.pull.parse.csv.shape import Shape
from ingest.pull.parse.written import row_of_cells
from ingest.pull.records import MAX_RECORD_BYTES, MAX_ROWS_KEPT, Block, FileReject, Report
from schemas.keys import clean_key
from schemas.outcomes import shown

BLOCK_ROWS, PLAIN_ROWS = 100, 1_000
OPEN_AT_END = "unexpected end of data"
_ESCAPED = 'a backslash before a quote: set csvEscape to "\\" if it escapes the quote, to "none" if it is text'
_SWALLOWED = "a quote that opens in this row swallows the rows behind it"


class Table:
    """Rows held as columns; takes the place of a list of rows."""

    def __init__(self, columns: list[list[str]]) -> None:
        self.columns = columns

    def __len__(self) -> int:
        return len(self.columns[0])

    def __iter__(self) -> Iterator[list[str]]:
        return map(list, zip(*self.columns, strict=True))


class CsvReader:
    """Reads the rows behind the header. `shape` counts them, for another reader that asks for their habits.

    `find_shape` returns the shape of the whole file; it is called at most once, when a row does not fit.
    """

    def __init__(self, lines: Lines, dialect: Dialect, report: Report, header: tuple[int, int], row: int) -> None:
        """`header` is its number of names and of cells; `row` the number of the last row that was read."""
        self._lines, self.dialect, self._report = lines, dialect, report
        self.width, self._header_cells = header
        self.first_line = lines.line
        self._cells = self.width
        self._row = row
        self._doubt: str | None = None
        """Why the file is not whole, unless another good row comes."""
        self._plain: list[list[str]] = []
        self._suspect = False
        self._drops = False
        self._rows_kept = 0
        self._habits: Shape | None = None
        self._plain_end = ""
        self.expected = Expected()
        self.foreign = ForeignRows()
        self._breaks = Breaks(lines, dialect, self.width, self.habits)
        self.shape: Shape | None = None
        self.find_shape: Callable[[], Shape] = lambda: Shape(self.width)

    def expect(self, expected: Expected, foreign: ForeignRows) -> None:
        """Take what the mapping says of the columns, and look for values that a line's end has cut."""
        self.expected, self.foreign = expected, foreign
        self._breaks.expect(expected, foreign)

    def blocks(self) -> Iterator[Block]:
        """Yield the records after the header, at most `BLOCK_ROWS` rows at a time."""
        size = BLOCK_ROWS
        while True:
            self._lines.settle()
            if self._plain_lines():
                yield from self._plain_blocks()
                continue
            line = self._lines.line
            rows, problem = self._rows(min(size, self._lines.left or size), line)
            if not rows and problem is None:
                break
            self._suspect = self._lines.suspect
            taken = 0 if problem is None else sum(map(lines_of, rows))
            block, used, stray = self._block(rows, line)
            if block.rows or block.rejects:
                yield block
            if stray is None and problem is not None:
                used, stray = taken, self._stray(problem, line + taken)
            if stray is None:
                size = min(2 * size, BLOCK_ROWS)
                continue
            # Rows may hide behind a stray quote: read them again, few at a time while it goes on like this.
            self._row += 1
            self._lines.rewind(line + used + 1)
            size = 1
            yield Block([], [], [stray])
        if self._doubt is not None:
            self._report.break_off(self._doubt)

    def _rows(self, count: int, line: int) -> tuple[list[list[str]], str | None]:
        """Return up to `count` rows by csv.reader, and what is wrong with the row after them if it cannot be read.

        `line` is the first one's number. Rows end where the lines do that were given, so that plain ones may follow.
        """
        rows: list[list[str]] = []
        try:
            rows.extend(islice(self._lines.rows, count))
        except TooLongError:
            if not rows:
                return rows, f"a quote that opens in this row is not closed within {MAX_RECORD_BYTES >> 20} MiB"
            # The rows are long, not the one that was being read.
            self._lines.rewind(line + sum(map(lines_of, rows)))
        except csv.Error as error:
            return rows, str(error)
        if rows and rows[-1] == [END]:
            rows.pop()
        return rows, None

    def _stray(self, problem: str, line: int) -> FileReject:
        """Return the reject of a row that csv.reader cannot read."""
        (written,) = self._lines.raw(line, 1) or [""]
        if problem == OPEN_AT_END:
            self._doubt = f"the file ends inside quotes that open in row {self._row + 1}"
            problem = "a quote that opens in this row is never closed"
        elif self.dialect.may_escape(written):
            problem = _ESCAPED
        elif "field larger" in problem:
            problem = f"a value is too long, or a quote that opens in this row is not closed ({problem})"
        elif "expected after" in problem:
            problem = "a quote stands inside a value in quotes, or opens and is not closed in this row"
        return self._refuse("quote", problem, written.rstrip("\r\n").split(self.dialect.delimiter))

    def _plain_lines(self) -> bool:
        """Return whether the next lines are plain rows, none ragged or too long; then their columns are in `_plain`."""
        found = self._lines.plain() if self.width > 1 else None
        if found is None:
            return False
        text, self._suspect = found
        quoted = self.dialect.quoted and '"' in text
        if quoted and (self.shape is not None or self._cells != self.width):
            return False
        self._plain = columns_of(text, self.dialect.delimiter, self._cells, quoted=quoted) or []
        self._plain_end = text[-3:].rstrip("\r\n")
        return bool(self._plain)

    def _plain_blocks(self) -> Iterator[Block]:
        """Yield the rows of `_plain`."""
        lines = len(self._plain[0])
        self._lines.skip(lines)
        cut = self._breaks.cut_last(self._plain[-1][-1], self._plain_end, self._lines.line)
        for start in range(0, lines, PLAIN_ROWS):
            table = Table([column[start : start + PLAIN_ROWS] for column in self._plain])
            # Perhaps of an empty row; or it counts, or cells past the header have to be looked at.
            odd = "" in map(str.lstrip, table.columns[0]) or self.shape is not None or self._cells != self.width
            if odd or self._breaks.behind_words or self.foreign.may_be_among(table.columns):
                rows = [[cell.lstrip(" ") for cell in row] for row in table]
                block = self._block(rows, None)[0]
            else:
                first = self._row + 1
                self._row += len(table)
                self._doubt = None
                block = Block(list(range(first, self._row + 1)), cast(list[Any], table), suspect=self._suspect)
            if cut is not None and start + PLAIN_ROWS >= lines and block.rows[-1:] == [self._row]:
                (table.columns[-1] if block.records is table else block.records[-1])[-1] = cut
            yield block

    def _block(self, rows: list[list[str]], line: int | None) -> tuple[Block, int, FileReject | None]:
        """Return the good rows with the rejects of the others; lines used, and the reject of a row to resume behind.

        `line` is the first one's number, None when each row is one line without quotes.
        """
        whole = set(map(len, rows)) == {self.width} and all(map(any, rows)) and self.shape is None
        single = line is None or self._lines.line - line == len(rows)
        plain = whole and single and not self._lines.may_escape and not self._breaks.behind_words
        if plain and not self.foreign.may_be_among(list(zip(*rows, strict=True))):
            first = self._row + 1
            self._row += len(rows)
            self._doubt = None
            block = Block(list(range(first, self._row + 1)), rows, suspect=self._suspect)
            self._breaks.doubt_last(block, None if line is None else line + len(rows))
            return block, 0, None
        block, stray, used, behind = Block([], [], suspect=self._suspect), None, 0, None
        for row in rows:
            filled = any(row) and (len(row) > 1 or self.width == 1 or bool(clean_key(row[0])))
            lines = lines_of(row) if filled else 1
            raw = [] if line is None else self._lines.raw(line + used, lines)
            reject = self._fault(row, raw) if filled else None
            if reject is not None and lines > 1:
                stray = reject
                break
            if reject is not None:
                if line is not None and line + used == self._lines.unended_line:
                    self._doubt_end(row)
                block.rejects.append(reject)
                self._breaks.refused(row, block, behind)
                behind = None
            elif filled:
                block.rows.append(self._row + 1)
                block.records.append(row)
                self._doubt = None
                self._breaks.doubt_first(row)
                behind = None if line is None else line + used + lines
            self._row += 1
            used += lines
        self._breaks.doubt_last(block, behind)
        return block, used, stray

    def _doubt_end(self, row: list[str]) -> None:
        """Doubt a file the last row of which, without an end of its line, cannot be used."""
        if len(row) < self.width and not is_footer(row):
            self._report.break_off(f"the last row ({self._row + 1}) breaks off after {len(row)} columns")

    def _fault(self, row: list[str], raw: list[str]) -> FileReject | None:
        """Return why a row cannot be used, or None and the row as wide as the header."""
        if self._lines.may_escape and any(map(self.dialect.may_escape, raw)):
            return self._refuse("quote", _ESCAPED, row)
        delimiter = self.dialect.delimiter
        first = raw[0].rstrip("\r\n").split(delimiter) if len(raw) > 1 else []
        if len(first) == self.width and any(self._is_row(text) for text in raw[1:]):
            return self._refuse("quote", _SWALLOWED, first)
        foreign = self.foreign.kind_of(row, self.width, delimiter)
        if foreign is not None:
            if foreign == "table":
                self._report.break_off(f"row {self._row + 1}: {MESSAGES[foreign]}")
            return self._refuse("no_item", MESSAGES[foreign], row)
        if self.shape is not None:
            self.shape.add(row)
        elif len(row) != self.width:
            self.habits()
        count = len(row)
        if count == self._cells and not any(row[self.width :]):
            del row[self.width :]
            return None
        if self._drops and self.expected.needed < count < self.width and raw[-1:] and raw[-1][-1:] in "\r\n":
            row.extend([""] * (self.width - count))
            return None
        return self._misfit(row)

    def _misfit(self, row: list[str]) -> FileReject:
        """Return the reject of a row that is too wide or too short; a message behind the last item tells of trouble."""
        message = f"{len(row)} columns where the header has {self.width}"
        if self.expected.key == 0 and is_alone(row) and self._habits is not None and self._habits.is_words(row[0]):
            return self._refuse("no_item", MESSAGES["heading"], row)
        if len(row) < self.width and tells_of_trouble(row):
            self._doubt = f"what stands behind the last item tells of trouble: {' '.join(row)[:80]!r}"
        if len(row) > self.width and not any(row[self.width :]):
            message += ": perhaps a value holds the delimiter without quotes around it"
        return self._refuse("columns", message, row)

    def _is_row(self, line: str) -> bool:
        return self.expected.is_row(self.dialect.split(line), self.width)

    def habits(self) -> Shape:
        """Return the shape of the whole file, which is looked for once."""
        if self._habits is None:
            self._habits = self.find_shape()
            self._cells = self._habits.cells(self._header_cells)
            self._drops = self._habits.drops_empty_cells
        return self._habits

    def _refuse(self, code: str, message: str, row: list[str]) -> FileReject:
        written = self.dialect.delimiter.join(row).replace(END, "")
        key = self.expected.key_of(row, self.width)
        record = None
        if self._rows_kept < MAX_ROWS_KEPT:
            self._rows_kept += 1
            record = row_of_cells([cell.replace(END, "") for cell in row], self._report.columns)
        return FileReject(self._row + 1, key, None, None, code, message, shown(written), record=record)
