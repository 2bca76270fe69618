"""CSV to records: csv.reader over bounded lines, rows checked against the header, stray quotes survived.

csv.reader refuses a value over 128 KiB; lines and records are bounded in `csv_lines`. A record that cannot be read, or
that a stray quote made of several lines, becomes a reject and reading goes on with the line after its first.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, cast

from ingest.feeds.mapping import FormatSettings
from ingest.pull.parse.csv import delimiter
from ingest.pull.parse.csv.lines import END, Lines, TooLongError, lines_of
from ingest.pull.parse.encoding import Decoder, texts_of
from ingest.pull.parse.formats import refuse_other_format
from ingest.pull.parse.source import Source
from ingest.pull.records import MAX_FIELDS_NOTED, MAX_RECORD_BYTES, Block, FileReject, FormatError, Report, blocks_of
from schemas.items import shown

BLOCK_ROWS = PLAIN_ROWS = 100


class Table:
    """Rows held as columns; takes the place of a list of rows."""

    def __init__(self, columns: list[list[str]]) -> None:
        self.columns = columns

    def __len__(self) -> int:
        return len(self.columns[0])

    def __iter__(self) -> Iterator[list[str]]:
        return map(list, zip(*self.columns, strict=True))


class CsvReader:
    """Reads one file once: `header()` first, then `blocks()`.

    `known` says whether a text is the name of a column that the mapping looks for; it helps to detect the delimiter.
    `charset` is what the transport declared.
    """

    def __init__(
        self,
        source: Source,
        settings: FormatSettings,
        report: Report,
        known: Callable[[str], bool],
        charset: str | None,
    ) -> None:
        self._settings, self._report, self._known = settings, report, known
        self._lines = Lines(texts_of(blocks_of(source), Decoder(settings.encoding, charset, source.ahead), report))
        self._row = 0
        self._width = 0
        self._open_row: int | None = None
        self._plain: list[str] = []
        self._suspect = False

    def header(self) -> list[str]:
        """Return the columns' names, "1", "2" … for a file without a header; [] for an empty file.

        Raises FormatError when this is no CSV file or the delimiter cannot be told.
        """
        sample = [line for line in self._lines.peek() if line != END]
        start = "".join(sample[:5])
        refuse_other_format(start, "CSV")
        separator, length = delimiter.declared(start)
        self._row = 1 if length else 0
        known = self._known if self._settings.csv_has_header else lambda _: False
        chosen = self._settings.delimiter or separator or delimiter.detect(sample, known)
        self._report.delimiter = chosen
        self._lines.start(chosen, self._row)
        first = self._first_row()
        if self._settings.csv_has_header:
            while first and not first[-1].strip():
                first.pop()
            names = [name.strip() for name in first]
        else:
            names = [str(position + 1) for position in range(len(first))]
        self._report.columns = names[:MAX_FIELDS_NOTED]
        self._width = len(names)
        return names

    def _first_row(self) -> list[str]:
        while True:
            line = self._lines.line
            self._lines.settle()
            try:
                row = next(self._lines.rows, [END])
            except (TooLongError, csv.Error) as error:
                raise FormatError(f"the first row cannot be read: {error or 'it is too long'}") from None
            if row == [END]:
                return []
            if row and row[-1].endswith(END):
                raise FormatError("the first row cannot be read: a quote that opens in it is never closed")
            if any(cell.strip() for cell in row):
                if self._settings.csv_has_header:
                    self._row += 1
                else:
                    self._lines.rewind(line)
                return row
            self._row += 1

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
            block, used, stray = self._block(rows, line)
            if block.rows or block.rejects:
                yield block
            if stray is None and problem is not None:
                used = sum(map(lines_of, rows))
                stray = FileReject(self._row + 1, None, None, None, "quote", problem)
            if stray is None:
                size = min(2 * size, BLOCK_ROWS)
                continue
            # Rows may hide behind a stray quote: read them again, few at a time while it goes on like this.
            self._row += 1
            self._lines.rewind(line + used + 1)
            size = 1
            yield Block([], [], [stray])
        if self._open_row is not None:
            self._report.break_off(f"the file ends inside quotes that open in row {self._open_row}")

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
            return rows, f"a value is too long, or a quote that opens in this row is not closed ({error})"
        return rows, None

    def _plain_lines(self) -> bool:
        """Return whether the next lines are rows without quotes, none ragged or too long; then they are in `_plain`."""
        found = self._lines.plain() if self._width > 1 else None
        if found is None:
            return False
        self._plain, self._suspect = found
        delimiter = self._report.delimiter or ","
        if {line.count(delimiter) for line in self._plain} != {self._width - 1}:
            return False
        return max(map(len, self._plain)) <= csv.field_size_limit()

    def _plain_blocks(self) -> Iterator[Block]:
        """Yield rows split at once, column by column: several times faster than csv.reader, and the same."""
        delimiter, width = self._report.delimiter or ",", self._width
        self._lines.skip(len(self._plain))
        for start in range(0, len(self._plain), PLAIN_ROWS):
            lines = self._plain[start : start + PLAIN_ROWS]
            cells = delimiter.join(lines).split(delimiter)
            table = Table([cells[column::width] for column in range(width)])
            if "" in table.columns[0]:  # perhaps of an empty row
                yield self._block(list(table), 0)[0]
                continue
            first = self._row + 1
            self._row += len(lines)
            self._open_row = None
            yield Block(list(range(first, self._row + 1)), cast(list[Any], table), suspect=self._suspect)

    def _block(self, rows: list[list[str]], line: int) -> tuple[Block, int, FileReject | None]:
        """Return the good rows with the rejects of the others; lines used, and the reject of a row to resume behind."""
        if rows and rows[-1] == [END]:
            rows.pop()
        width = self._width
        suspect = self._suspect
        if set(map(len, rows)) == {width} and all(map(any, rows)) and not rows[-1][-1].endswith(END):
            first = self._row + 1
            self._row += len(rows)
            self._open_row = None
            return Block(list(range(first, self._row + 1)), rows, suspect=suspect), 0, None
        block = Block([], [], suspect=suspect)
        used = 0
        for row in rows:
            if row and row[-1].endswith(END):
                self._open_row = self._row + 1
                return block, used, self._refuse("quote", "a quote that opens in this row is never closed", row)
            while len(row) > width and not row[-1]:
                row.pop()
            if not any(row):
                lines = 1
            elif len(row) == width:
                lines = lines_of(row)
                block.rows.append(self._row + 1)
                block.records.append(row)
                self._open_row = None
            else:
                lines = lines_of(row)
                reject = self._refuse("columns", f"{len(row)} columns where the header has {width}", row)
                if lines > 1:
                    return block, used, reject
                if len(row) < width and line + used == self._lines.unended_line:
                    self._report.break_off(f"the last row ({reject.row}) breaks off after {len(row)} columns")
                block.rejects.append(reject)
            self._row += 1
            used += lines
        return block, used, None

    def _refuse(self, code: str, message: str, row: list[str]) -> FileReject:
        written = (self._report.delimiter or ",").join(row).removesuffix(END + "\n").removesuffix(END)
        return FileReject(self._row + 1, None, None, None, code, message, shown(written))
