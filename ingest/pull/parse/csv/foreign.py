"""Rows of a CSV file that are none of its items: its header once more, another table's header, headings, footers.

Exports that were put together, or made to be printed, have them. Read as items they would be new ones, and behind the
header of another table every value may stand in the wrong column.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ingest.pull.parse.names import loose
from ingest.pull.trouble import says_trouble
from schemas.keys import clean_key

_FOOTER = frozenset(
    ("end", "eof", "total", "totals", "rows", "records", "lines", "generated", "exported", "ende", "fin")
)
"""Words that say so."""
_ONLY_REMARKS = _FOOTER | {"of", "file", "list", "report", "export", "affected", "errors", "warnings", "no"}
"""Words of lines that are nothing but remarks."""
_SUMS = frozenset(("total", "totals", "rows", "records", "lines", "count", "sum", "summe", "gesamt", "anzahl"))
_NUMBER = re.compile(r"[-+]?\d[\d.,' \u00a0\u202f]{0,40}")
_DELIMITERS = re.compile(r"[;,|\t\"^~]")
_SEPARATOR = re.compile(r"\s*\"?sep=.{0,2}\"?\s*", re.IGNORECASE)
_RULE, _WORD = re.compile(r"[^\w\s]{3,}"), re.compile(r"\w+")
_LONGEST_FOOTER = 200
_WIDE = 3
"""In a table of so many columns, words alone in a row are no key."""
_MARKS = "\ufeff\f"
"""What may stand before a header where files or pages were put together."""
_PAGE = re.compile(
    r"\W{0,9}(?:page|seite|blatt|pagina|p\.)\s{0,9}\d{1,9}(?:\s{0,9}(?:of|von|de|di|/)\s{0,9}\d{1,9})?\W{0,9}",
    re.IGNORECASE,
)

Foreign = Literal["header", "table", "heading", "sum"]
"""What a row is: the file's header, the header of another table, a heading or a footer, a sum."""
MESSAGES: dict[Foreign, str] = {
    "header": "the header stands here once more: this row is no item",
    "table": "another header stands here: a second table begins",
    "heading": "words alone in a row: a heading or a footer, no item",
    "sum": "a row of totals or counts, no item",
}


def is_footer(row: Sequence[str]) -> bool:
    """Return whether a row of one cell says that the list ends, rather than being cut off."""
    if len(row) != 1 or len(row[0]) > _LONGEST_FOOTER or "\0" in row[0]:
        return False
    text = row[0].strip().lower()
    return _RULE.match(text) is not None or not _FOOTER.isdisjoint(_WORD.findall(text))


def remark_of(row: Sequence[str], delimiter: str) -> Foreign | None:
    """Return what a row that is too short is, if it is a footer, a sum or a comment, and so no item's that has lost its
    delimiters.

    What may be a key, the row of another dialect or a message is not: an item could be missing for it.
    """
    if _SEPARATOR.fullmatch(delimiter.join(row)):
        return "heading"
    text = row[0].strip()
    if len(row) > 1:
        numbers = all(not cell.strip() or _NUMBER.fullmatch(cell.strip()) for cell in row[1:])
        return "sum" if numbers and is_sum(text) else None
    is_remark = text.startswith("#") or is_footer(row) or _PAGE.fullmatch(text)
    return "heading" if is_alone(row) and is_remark else None


def is_mere_remark(row: Sequence[str], delimiter: str) -> bool:
    """Return whether a row is a remark in all its words, so that it is no part of a value either."""
    words = set(_WORD.findall(" ".join(row).lower()))
    said = all(word in _ONLY_REMARKS or word.isdigit() for word in words) or row[0].lstrip()[:1] == "#"
    said = said or _PAGE.fullmatch(row[0].strip()) is not None
    return _SEPARATOR.fullmatch(delimiter.join(row)) is not None or (said and remark_of(row, delimiter) is not None)


def is_alone(row: Sequence[str]) -> bool:
    """Return whether a row is one text: neither the row of another dialect nor a message of a program."""
    return len(row) == 1 and not _DELIMITERS.search(row[0].strip()) and not tells_of_trouble(row)


def is_sum(text: str) -> bool:
    """Return whether a text says that sums or counts stand beside it."""
    return not _SUMS.isdisjoint(_WORD.findall(text.lower())) and not any(map(str.isdigit, text))


def tells_of_trouble(row: Sequence[str]) -> bool:
    """Return whether a row that is too short seems to be a message: that a program failed, or left rows out."""
    return says_trouble(" ".join(row))


@dataclass(frozen=True, slots=True)
class ForeignRows:
    """Tells such rows. `key` is the position of the keys, `witness` that of a column which items have a value in.

    `marks` are names of columns as they may stand where a key is expected.
    """

    names: tuple[str, ...] = ()
    key: int | None = None
    witness: int | None = None
    marks: frozenset[str] = frozenset()

    @classmethod
    def of(cls, header: Sequence[str], key: int | None, witness: int | None) -> ForeignRows:
        """Return what knows a file by the cells of its header; none for a file without one."""
        names = [loose(clean_key(cell)) for cell in header]
        spelt = {text for cell in header for text in (cell, clean_key(cell)) if clean_key(cell)}
        spelt |= {change(text) for text in spelt for change in (str.lower, str.upper, str.capitalize)}
        marked = {mark + text for text in spelt for mark in _MARKS}
        return cls(tuple(names), key, witness, frozenset(spelt | marked))

    def may_be_among(self, columns: Sequence[Sequence[str]]) -> bool:
        """Return whether one of the rows with these columns may be foreign."""
        if self.key is None:
            return False
        if not self.marks.isdisjoint(columns[self.key]):
            return True
        if self.witness is None or "" not in columns[self.witness]:
            return False
        return "" in map("".join, zip(*columns[: self.key], *columns[self.key + 1 :], strict=True))

    def kind_of(self, row: Sequence[str], width: int, delimiter: str) -> Foreign | None:
        """Return what a row of a table of this width is, if it is no item."""
        if len(row) < width and (remark := remark_of(row, delimiter)) is not None:
            return remark
        if self.key is None or self.key >= len(row):
            return None
        if row[self.key] in self.marks and (found := self._header(row)) is not None:
            return found
        return "heading" if self._is_heading(row) else None

    def _header(self, row: Sequence[str]) -> Foreign | None:
        cells = [loose(clean_key(cell)) for cell in row]
        filled = [cell for cell in cells if cell]
        known = set(self.names)
        named = sum(cell in known for cell in filled)
        if 2 * named < len(filled) or named < min(2, len(known - {""})):
            return None
        while cells and not cells[-1]:
            cells.pop()
        names = list(self.names)
        while names and not names[-1]:
            names.pop()
        return "header" if cells == names else "table"

    def _is_heading(self, row: Sequence[str]) -> bool:
        text = row[self.key or 0].strip()
        if not text or sum(map(bool, map(str.strip, row))) > 1 or len(row) == 1:
            return False
        return is_footer([text]) or (len(row) >= _WIDE and (len(text.split()) > 1 or text.endswith(":")))
