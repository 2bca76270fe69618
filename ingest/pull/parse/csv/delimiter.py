"""Which character separates the columns of a CSV file: tried, counted, and not guessed when nothing is sure.

Every candidate splits the first rows. Right is the one that gives every row as many columns as the first (more than
one); between several such, the one whose header has more known names; then a tab before ; before | before a comma,
because a comma is also a decimal sign ("A1;1,50" has one of each in every row).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from itertools import islice

from ingest.pull.records import FormatError

CANDIDATES = ("\t", ";", "|", ",")
SAMPLE_ROWS = 200
_ENOUGH = 0.8
_SEPARATED = re.compile(r"\Asep=(.)\r?\n")


def declared(text: str) -> tuple[str | None, int]:
    """Return the delimiter of a first line `sep=;` (written by Excel) and that line's length."""
    found = _SEPARATED.match(text)
    return (found[1], found.end()) if found else (None, 0)


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


def _rows(lines: list[str], delimiter: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(lines, delimiter=delimiter)
    except csv.Error:  # a value without end: reading the rows will say so
        return


def _width(row: list[str], width: int) -> int:
    """Return a row's number of columns, not counting empty ones past the header's."""
    count = len(row)
    while count > width and not row[count - 1]:
        count -= 1
    return count
