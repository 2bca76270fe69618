"""How a CSV file is written: its delimiter is tried and counted, and whether quotes are quotes is looked up.

Every candidate splits the first rows. Right is the one that gives every row as many columns as the first (more than
one); between several such, the one whose header has more known names; then a tab before ; before | before a comma,
because a comma is also a decimal sign ("A1;1,50" has one of each in every row).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ingest.pull.records import FormatError

CANDIDATES = ("\t", ";", "|", ",")
SAMPLE_ROWS = 200
HEADER_ROWS = 30
"""A header further down is not looked for."""
_ENOUGH = 0.8
_SEPARATED = re.compile(r'\A"?sep=(.)"?\1*[ \t]*(?:\r\n|\n|\r|\Z)', re.IGNORECASE)
_SIGNS = re.compile(r"[^\w\s\"'.()\[\]+-]{1,3}|[\x00-\x09\x0b\x0c\x0e-\x1f]| +")
"""What may separate names; a run of up to three signs is one."""
_ONE = "ask the vendor for one character that stands in no value"
_EDGE = re.compile(r"[^\w\s\"'()\[\]]")
_UNQUOTED = ("\t", "|")
"""Files with these delimiters have quotes as text, unless a cell of theirs is properly quoted."""
_ESCAPE = re.compile(r'(?<!\\)(\\+)"')  # a run of backslashes is tried once, from its first


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file's rows are written. `escape`: \\" is a quote inside quotes; None where nobody has said so.

    A quote may open behind spaces, so all spaces at the beginning of a cell are none of it.
    """

    delimiter: str
    quoted: bool = True
    escape: bool | None = None

    def rows(self, lines: Iterable[str]) -> Any:
        """Return the csv.reader of these lines; it raises csv.Error for a quote that closes before a value ends."""
        if not self.quoted:
            return csv.reader(lines, delimiter=self.delimiter, quoting=csv.QUOTE_NONE, strict=True)
        return csv.reader(lines, delimiter=self.delimiter, strict=True, skipinitialspace=True)

    def split(self, line: str) -> list[str]:
        """Return the cells of one line read by itself; none if a quote is open in it."""
        try:
            return next(self.rows([line]), [])
        except csv.Error:
            return []

    def unescaped(self, text: str) -> str:
        """Return the text with every escaped quote doubled, as csv.reader wants it."""
        return _ESCAPE.sub(_doubled, text) if "\\" in text else text

    def may_escape(self, text: str) -> bool:
        """Return whether a quote in this text may be an escaped one, and nobody has said what a backslash means."""
        # Quotes are many and backslashes few: one of these alone is found twenty times as fast as both.
        return self.quoted and self.escape is None and "\\" in text and '\\"' in text


def _doubled(found: re.Match[str]) -> str:
    backslashes = len(found[1])
    return "\\" * (backslashes // 2) + ('""' if backslashes % 2 else '"')


def declared(text: str) -> str | None:
    """Return the delimiter of a first line `sep=;` (written by Excel, in all its ways)."""
    found = _SEPARATED.match(text)
    return found[1] if found else None


def has_quotes(texts: Iterable[str], delimiter: str) -> bool:
    """Return whether quotes are quotes in a file with this delimiter: one of its cells is properly quoted."""
    if delimiter not in _UNQUOTED:
        return True
    mark = re.escape(delimiter)
    # Over several lines only without a delimiter in it: that would be two stray quotes in two rows.
    inside = rf'(?:(?:[^"\r\n]|"")*|(?:[^"{mark}]|"")*)'
    quoted = re.compile(rf'(?:\A|[{mark}\r\n])"{inside}"(?=[{mark}\r\n]|\Z)')
    return any('"' in text and quoted.search(text) for text in texts)


def detect(lines: list[str], known: Callable[[str], bool]) -> str:
    """Return the delimiter of a file that begins with these lines; `known` says whether a name is one of a column.

    Raises FormatError when no candidate fits.
    """
    best: tuple[float, int, int] | None = None
    chosen = ","
    for priority, candidate in enumerate(reversed(CANDIDATES)):
        rows = [row for row in islice(_rows(lines, candidate), SAMPLE_ROWS) if any(row)]
        if not rows:
            return chosen
        width = len(rows[0])
        names = sum(known(name) for name in rows[0])
        if width == 1:
            continue
        even = sum(_width(row, width) == width for row in rows) / len(rows)
        score = (round(even, 1) if even >= _ENOUGH else 0.0, names, priority)
        if best is None or score > best:
            best, chosen = score, candidate
    first = lines[0].strip() if lines else ""
    if best is None:
        return ","
    if best[0] == 0 and best[1] == 0:
        raise FormatError(f"cannot tell the delimiter: set the feed's delimiter (the file begins {first[:80]!r})")
    return chosen


def header_hint(lines: list[str], known: Callable[[str], bool], skipped: int) -> str:
    """Return where the header seems to be, as the end of an error; "" when it is where it was looked for."""
    best, at = 0, -1
    for number, line in enumerate(lines[:HEADER_ROWS]):
        for candidate in CANDIDATES:
            cells = next(_rows([line], candidate), [])
            names = sum(known(cell) for cell in cells)
            if names > best and (names > 1 or len(cells) == 1):
                best, at = names, number
    if at < 0 or at == skipped or not any(line.strip() for line in lines[skipped:at]):
        return ""
    return f"; the header seems to be row {at + 1}: set csvSkipRows to {at}"


def separator_hint(lines: list[str], known: Callable[[str], bool]) -> str:
    """Return what seems to separate the columns of a file that has just one otherwise, as the end of an error; "" for
    nothing that does."""
    header = next((line for line in lines if line.strip()), "").rstrip("\r\n")
    for sign in sorted(dict.fromkeys(_SIGNS.findall(header)), key=len, reverse=True):
        count = header.count(sign)
        even = sum(line.count(sign) == count for line in lines[:SAMPLE_ROWS]) >= _ENOUGH * len(lines[:SAMPLE_ROWS])
        if even and any(known(name) for name in header.split(sign)):
            if len(sign) == 1 and sign != " ":
                return f"; the columns seem to be separated by {sign!r}: set the feed's delimiter"
            return f"; the columns seem to be separated by {sign!r}: {_ONE}"
    return ""


def refuse_wide_separator(header: list[str], delimiter: str) -> None:
    """Raise FormatError when each name has the same sign towards the next one, so that the delimiter is but a part of
    what separates them: ^|^."""
    signs = {name[-1:] for name in header[:-1]} | {name[:1] for name in header[1:]}
    if len(header) > 1 and len(signs) == 1 and (sign := signs.pop()) and _EDGE.fullmatch(sign):
        raise FormatError(f"the columns are separated by {sign + delimiter + sign!r}: {_ONE}")


def _rows(lines: list[str], delimiter: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    except csv.Error:  # a value without end: reading the rows will say so
        return


def _width(row: list[str], width: int) -> int:
    """Return a row's number of columns, not counting empty ones past the header's."""
    count = len(row)
    while count > width and not row[count - 1]:
        count -= 1
    return count
