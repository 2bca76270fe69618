"""The beginning of a CSV file: title lines, `sep=`, the dialect, the header; then the reader of its rows."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass

from ingest.feeds.mapping import FormatSettings
from ingest.pull.parse.csv import dialect as dialects
from ingest.pull.parse.csv.dialect import Dialect
from ingest.pull.parse.csv.expected import Expected
from ingest.pull.parse.csv.foreign import ForeignRows
from ingest.pull.parse.csv.lines import END, Lines, TooLongError
from ingest.pull.parse.csv.reader import OPEN_AT_END, CsvReader
from ingest.pull.parse.csv.shape import Shape
from ingest.pull.parse.encoding import Decoder, texts_of
from ingest.pull.parse.formats import refuse_other_format
from ingest.pull.parse.source import Source, UnseekableError
from ingest.pull.records import MAX_FIELDS_NOTED, FormatError, Report, blocks_of
from schemas.keys import clean_key

_FEW = 20

Known = Callable[[str], bool]
"""Says whether a text is the name of a column that the mapping looks for."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A file past its header: the columns' names ("1", "2" … without one; [] for an empty file), and the reader."""

    names: list[str]
    reader: CsvReader
    hint: Callable[[], str]
    """Where the header seems to be instead, as the end of an error."""
    header: list[str]
    """Its cells as they stand there; none without one."""
    behind: list[list[str]]
    """The cells of some lines behind it."""

    def expect(self, expected: Expected) -> None:
        """Tell the reader what the mapping says of the columns."""
        foreign = ForeignRows.of(self.header, expected.key, expected.witness)
        self.reader.expect(expected, foreign)


def open_rows(source: Source, settings: FormatSettings, report: Report, charset: str | None, known: Known) -> Opened:
    """Read the header. Raises FormatError when this is no CSV file or the delimiter cannot be told."""
    if not settings.csv_has_header:
        known = _nothing
    lines = _lines(source, settings, report, charset)
    sample = [line for line in lines.peek() if line != END]
    start = "".join(sample[:5])
    refuse_other_format(start, "CSV")
    separator = dialects.declared(start)
    skipped = max(settings.csv_skip_rows, 0 if separator is None else 1)

    def is_known(name: str) -> bool:
        return known(clean_key(name))

    def hint() -> str:
        further = dialects.header_hint(sample, is_known, skipped)
        if further or len(names) > 1:
            return further
        return dialects.separator_hint(sample[skipped:], is_known if settings.csv_has_header else bool)

    names: list[str] = []
    try:
        delimiter = settings.delimiter or separator or dialects.detect(sample[skipped:], known)
    except FormatError as error:
        raise FormatError(f"{error}{hint()}") from None
    report.delimiter = delimiter
    dialect = _dialect(source, settings, charset, delimiter)
    lines.start(dialect, skipped)
    cells, row, line = _first_row(lines, skipped)
    names = _names(cells, has_header=settings.csv_has_header)
    if not settings.csv_has_header and cells:
        lines.rewind(line)
        row -= 1
    if settings.csv_has_header:
        dialects.refuse_wide_separator(names, delimiter)
    lines.put_back()
    report.columns = names[:MAX_FIELDS_NOTED]
    reader = CsvReader(lines, dialect, report, (len(names), len(cells)), row)
    reader.find_shape = lambda: _shape(source, settings, charset, reader)
    behind = [dialect.split(text) for text in sample[line + 1 :][:_FEW]]
    return Opened(names, reader, hint, cells if settings.csv_has_header else [], behind)


def _nothing(_: str) -> bool:
    return False


def _lines(source: Source, settings: FormatSettings, report: Report, charset: str | None) -> Lines:
    decoder = Decoder(settings.encoding, charset, source.ahead)
    return Lines(texts_of(blocks_of(source), decoder, report))


def _dialect(source: Source, settings: FormatSettings, charset: str | None, delimiter: str) -> Dialect:
    again = source.again()
    decoder = Decoder(settings.encoding, charset, again.ahead)
    texts = (text for text, _ in texts_of(blocks_of(again), decoder, Report()))
    try:
        quoted = dialects.has_quotes(texts, delimiter)
    except UnseekableError:
        quoted = True
    escape = None if settings.csv_escape is None else settings.csv_escape == "\\"
    return Dialect(delimiter, quoted, escape)


def _names(cells: list[str], *, has_header: bool) -> list[str]:
    if not has_header:
        return [str(position + 1) for position in range(len(cells))]
    names = [clean_key(name) for name in cells]
    while names and not names[-1]:
        names.pop()
    return names


def _shape(source: Source, settings: FormatSettings, charset: str | None, reader: CsvReader) -> Shape:
    """Return the shape of the whole file's rows, by another reader; one without habits if it cannot be read again."""
    width, expected = reader.width, reader.expected
    shape = Shape(width, expected.key, lambda cells: expected.is_row(cells, width))
    again = source.again()
    try:
        lines = _lines(again, settings, Report(), charset)
        lines.peek()
        lines.start(reader.dialect, reader.first_line)
        counting = CsvReader(lines, reader.dialect, Report(), (reader.width, reader.width), 0)
        counting.shape = shape
        counting.expected, counting.foreign = reader.expected, reader.foreign
        for _ in counting.blocks():
            pass
    except UnseekableError:
        return Shape(reader.width)
    return shape


def _first_row(lines: Lines, row: int) -> tuple[list[str], int, int]:
    """Return the first row that is not empty, its number, and the line that it begins in; [] for an empty file.

    `row` is the number of the row before. Raises FormatError for one that cannot be read.
    """
    while True:
        line = lines.line
        lines.settle()
        try:
            cells = next(lines.rows, [END])
        except TooLongError:
            raise FormatError("the first row cannot be read: it is too long") from None
        except csv.Error as error:
            never = "a quote that opens in it is never closed" if str(error) == OPEN_AT_END else str(error)
            raise FormatError(f"the first row cannot be read: {never}") from None
        if cells == [END]:
            return [], row, line
        row += 1
        if any(cell.strip() for cell in cells):
            return cells, row, line
