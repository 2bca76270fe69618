"""A whole column of values made at once, at C speed, where every value is plainly right.

Each function here gives for many records what an expression's `candidate` and check give for one, or raises ValueError
or TypeError, and then the values are made one by one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import filterfalse, repeat
from typing import Annotated, Any

import msgspec
import orjson
import re2

from ingest.pull.mapping.keys import LONGEST_NO_ID, NO_IDS, TOTAL_MARKS
from ingest.pull.mapping.written import Numbers, Plain
from ingest.pull.records import MISSING
from schemas.columns import Column, Whole, checked
from schemas.keys import NO_BARCODES

REMEMBERED = 16_384
"""Values of a column whose result is remembered: quantities and prices repeat."""
_DECIMALS = re.compile(r"^(?![1-9]\d{0,2}\.\d{3}$)(?:0|[1-9]\d{0,8})(?:\.\d{1,6})?$", re.ASCII | re.MULTILINE)
"""Decimals, a line each, that lose no more than zeros at their end, but for those that look like groups: 1.299."""
_WHOLES = re.compile(r"^(?:0|[1-9]\d{0,8})$", re.ASCII | re.MULTILINE)
"""Whole numbers, a line each, that are read in one way and within bounds whatever the notation."""
_CANONICAL = re2.compile(
    rb'\[(?:"(?:0(?:\.\d{0,5}[1-9])?|[1-9]\d{0,8}(?:\.(?:\d?[1-9]|\d{3,5}[1-9]))?|[1-9]\d{3,8}\.\d\d[1-9])",?)*\]'
)
"""A JSON list of decimals that are results as they stand; not of those that look like groups."""
_MISSES = 8
"""Columns that were not made at once, after which it is no longer tried."""
_FEW = 4
"""New values of a column that are made one by one sooner than together."""
_MAX_KEY = 255
_USUAL = bytes(range(0x21, 0x7F))
"""ASCII that is visible."""
_MARKS = "'=#"
"""How keys begin that a spreadsheet has spoilt, or marked as text."""
_CALCULATED = re.compile(r"\n[+-]?\d+(?:[.,]\d+(?:[eE][+-]?\d+)?|[eE]\+\d+)(?=\n)", re.ASCII)
"""A key that looks like a number that was calculated with."""
_DAY = re.compile(r"[/.]\d{4}\n| 00:00:00\n", re.ASCII)
_MONTH = re.compile(r"[A-Z][a-z]{2}(?:\.?\n|[- ]\d\d\n)", re.ASCII)
"""How a key ends of which a spreadsheet may have made a date."""

Cell = Callable[..., Any]
Together = Callable[[Iterable[str]], Mapping[str, Any]]
Values = Sequence[Sequence[Any]]
Made = tuple[list[Any], bool]
"""Values of a column, and whether MISSING may be among them."""
Run = Callable[[Values, int], Made]
"""(values of all sources, number of records) → the column made."""
Straight = Callable[[Sequence[Any]], list[Any] | None]
"""Values → their results, where no value needs a look of its own; else None or ValueError, TypeError."""


def canonical_decimals(found: Sequence[Any]) -> list[Any] | None:
    """Return decimals as they are, for they are canonical."""
    # As JSON, no value can be taken for two.
    return Plain(found) if _CANONICAL.fullmatch(orjson.dumps(found)) else None


def bounded_integers(asked: Whole) -> Straight:
    """Return what reads whole numbers within bounds, many at once."""
    bounded = list[Annotated[int, msgspec.Meta(ge=asked.least, le=asked.most)]]
    decode: Callable[[str], list[Any]] = msgspec.json.Decoder(bounded).decode

    def integers(found: Sequence[Any]) -> list[Any] | None:
        joined = ",".join(found)
        if "." in joined or "e" in joined or "E" in joined:  # 1.0 and 1e3 would be read, too
            return None
        made = decode(f"[{joined}]")
        if len(made) != len(found):  # 1,5 would be two
            return None
        # -0 is 0, and white space is none of a number's.
        return made if "-" in joined or any(map(joined.__contains__, " \t\r\n")) else Numbers(made, list(found))

    return integers


def decimals(texts: Iterable[str]) -> dict[str, str]:
    """Return the results of those of these texts that are plain decimals."""
    found = _DECIMALS.findall("\n".join(texts))
    return {text: text.rstrip("0").rstrip(".") if "." in text else text for text in found}


def whole_numbers(texts: Iterable[str]) -> dict[str, int]:
    """Return the results of those of these texts that are plain whole numbers."""
    found = _WHOLES.findall("\n".join(texts))
    return dict(zip(found, map(int, found), strict=True))


class Memory(dict[str, Any]):
    """Results by text: found at half the cost of an lru_cache's; begins again when it is full.

    `together` gives the results of the plain ones among many texts at a tenth of what `make` costs for each.
    """

    def __init__(self, make: Callable[[Any], Any], together: Together | None = None) -> None:
        self._make = make
        self._together = together
        self.has_missing = False

    def results(self, found: Sequence[Any]) -> list[Any]:
        """Return the results of these values; many new ones are learned at once."""
        made = list(map(self.get, found))
        if None not in made:
            return made
        new = set(filterfalse(self.__contains__, found))
        if self._together is not None and len(new) >= _FEW:
            if len(self) + len(new) > REMEMBERED:
                self.clear()
            try:
                self.update(self._together(new))
            except TypeError:  # a record without it, null, or a number
                self.update(self._together([value for value in new if value.__class__ is str]))
        return list(map(self.__getitem__, found))

    def __missing__(self, text: str) -> Any:
        if len(self) >= REMEMBERED:
            self.clear()
        made = self[text] = self._make(text)
        self.has_missing |= made is MISSING
        return made


class Memories(dict[Column, Memory]):
    """The memory that all columns of one check share."""

    def of(self, asked: Column, make: Cell, together: Together | None, *, shared: bool) -> Memory:
        """Return the memory of a check, or a new one that is not shared."""
        if not shared:
            return Memory(make)
        return self.setdefault(asked, Memory(make, together))


def mapped(cell: Cell, sources: tuple[int, ...]) -> Run:
    if len(sources) == 1:
        (source,) = sources

        def one(values: Values, _: int) -> Made:
            made = list(map(cell, values[source]))
            return made, MISSING in made

        return one

    def several(values: Values, _: int) -> Made:
        made = list(map(cell, *(values[source] for source in sources)))
        return made, MISSING in made

    return several


def straight(attempt: Straight, source: int, otherwise: Run) -> Run:
    """Return the column by an attempt, until that has failed more often than it went well."""
    worth = _MISSES

    def column(values: Values, count: int) -> Made:
        nonlocal worth
        if worth > 0:
            try:
                made = attempt(values[source])
            except (ValueError, TypeError):  # text that is no number, null, or what the reader refused
                made = None
            if made is not None:
                worth += 1
                return made, False
            worth -= 1
        return otherwise(values, count)

    return column


def remembered(memory: Memory, source: int, otherwise: Run, *, as_text: bool) -> Run:
    """Return the column by memory; true is the same key as 1, so a column with other than texts and numbers goes on."""
    plain = {str, int, float}

    def column(values: Values, count: int) -> Made:
        if not as_text and not plain.issuperset(map(type, values[source])):
            return otherwise(values, count)
        made = memory.results(values[source])
        return made, memory.has_missing and MISSING in made

    return column


def texts(source: int, asked: Column, *, as_text: bool) -> Run:
    def stripped(values: Values, _: int) -> Made:
        try:
            made = list(map(str.strip, values[source]))
            kinds: set[type] = {str}
        except TypeError:  # a record without it, or with null
            made = ["" if value is MISSING else value and value.strip() for value in values[source]]
            kinds = set(map(type, made))
        if "" not in made and kinds == {str}:
            return checked(asked, made, kinds), False
        if present := [value for value in made if value]:
            checked(asked, present)
        return [MISSING if value == "" else value for value in made], "" in made

    def as_is(values: Values, _: int) -> Made:
        made = list(values[source])
        kinds = set(map(type, made))
        if kinds == {str}:
            return checked(asked, made, kinds), False
        if present := [value for value in made if value is not MISSING and value is not None]:
            checked(asked, present)
        return made, True

    return stripped if as_text else as_is


def keys(source: int, otherwise: Run, attribute: str, *, as_text: bool) -> Run:
    """Return the column of keys that are plain ASCII, clean and not a spreadsheet's work; some may have none."""
    nothing = ("", MISSING) if as_text else (None, MISSING)
    required, barcode = attribute == "externalId", attribute == "barcode"

    def lines_of(found: Sequence[Any]) -> str:
        """Return these keys, a line each, if all are right; else nothing."""
        lines, shortest = _plain_lines(found, required=required)
        if required and shortest <= LONGEST_NO_ID and not NO_IDS.isdisjoint(map(str.lower, found if lines else ())):
            return ""
        return "" if barcode and lines and not _are_barcodes(found) else lines

    def column(values: Values, count: int) -> Made:
        found = values[source]
        if lines := lines_of(found):
            return list(found) if '"' in lines or "\\" in lines else Plain(found), False
        present = [value for value in found if value not in nothing]
        if required or not present or len(present) == len(found) or not lines_of(present):
            return otherwise(values, count)
        return [MISSING if value == "" else value for value in found], True

    return column


def _plain_lines(found: Sequence[Any], *, required: bool) -> tuple[str, int]:
    """Return keys, a line each, and the shortest one's length, if all are plainly right as they stand; else nothing."""
    nothing = "", 0
    try:
        lines = "\n" + "\n".join(found) + "\n"
        lengths = set(map(len, found))
    except TypeError:  # a record without it, null, a number, or what the reader refused
        return nothing
    if not lines.isascii() or not min(lengths) or max(lengths) > _MAX_KEY:
        return nothing
    unusual = lines.encode().translate(None, _USUAL)
    if len(unusual) - unusual.count(b" ") != len(found) + 1:
        return nothing
    if b" " in unusual and ("\n " in lines or " \n" in lines):  # within keys spaces are as they should be
        return nothing
    if required and any(letter in lines and mark in lines for letter, mark in TOTAL_MARKS):
        return nothing
    return nothing if _is_a_spreadsheets(lines) else (lines, min(lengths))


def _is_a_spreadsheets(lines: str) -> bool:
    """Return whether one of the keys in these lines looks like a spreadsheet's work."""
    for mark in _MARKS:
        if mark in lines and "\n" + mark in lines:  # one character is found in no time
            return True
    if ("." in lines or "," in lines or "+" in lines) and _CALCULATED.search(lines) is not None:
        return True
    if ("/" in lines or "." in lines or ":" in lines) and _DAY.search(lines) is not None:
        return True
    if "-" not in lines and " " not in lines:
        return False
    return lines.upper() != lines and _MONTH.search(lines) is not None  # few keys have small letters


def _are_barcodes(found: Sequence[str]) -> bool:
    """Return whether none of these texts says that there is no barcode: `schemas.keys.is_no_barcode`, by C loops."""
    digits = "".join(found)
    if not digits.isdigit() and not NO_BARCODES.isdisjoint(map(str.lower, found)):
        return False
    return "0" * min(map(len, found)) not in digits or all(map(str.strip, found, repeat("0")))


def wholes(source: int, asked: Column, otherwise: Run) -> Run:
    def column(values: Values, count: int) -> Made:
        found = values[source]
        if set(map(type, found)) == {int}:
            return checked(asked, list(found), {int}), False
        return otherwise(values, count)

    return column
