"""One value of a file to a value for an item attribute: keys, numbers as people write them, lists and JSON in one text.

What is not understood is returned as it is, for `schemas.items.validate` to refuse in its own words; `CellError` is
raised where this side knows better what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from decimal import Decimal
from typing import Any, Final

import orjson

from schemas.columns import Kind
from schemas.keys import clean_key, is_no_barcode
from schemas.numbers import Notation, NumberError, is_doubtful, is_of_the_other, plain_number

_ADDRESS = re.compile(r"https?://", re.IGNORECASE)
_BREAK = re.compile(r"[|\n]")
_SCIENTIFIC = re.compile(r"[+-]?\d(?:[.,]\d+)?[eE]\+\d{1,3}", re.ASCII)
KEYS: Final = frozenset(("externalId", "vendorSku", "barcode"))
WORDS_HINT: Final = "the transform textToQuantity turns words, 10+ and >10 into quantities"


class CellError(ValueError):
    """A value is wrong; `code` is of the closed list in `docs/pull.md`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Doubts:
    """Whether the numbers of a kind contradict the notation that the feed declares; then doubtful ones are refused.

    12,000 is twelve thousand, unless 12,50 stands in the same file. `find` looks through the whole file for such
    contradictions, once, when the first doubtful number is met; `seen` collects what contradicts.
    """

    def __init__(self, find: Callable[[], Collection[str]] = frozenset) -> None:
        self.seen: set[str] = set()
        self._find = find
        self._found: Collection[str] | None = None

    def __contains__(self, kind: str) -> bool:
        if self._found is None:
            self._found = self._find()
        return kind in self._found


def read_number(text: str, kind: str, notation: Notation, doubts: Doubts) -> str | None:
    """Return a number's text with a point and without groups, None for a text without a digit.

    `kind` is the name of the attribute's kind. Raises CellError for what is no number, or could be two.
    """
    if text[:2] == '="' and text[-1] == '"':
        text = text[2:-1].strip()
    try:
        number = plain_number(text, notation)
    except NumberError as error:
        if is_of_the_other(text, notation):
            doubts.seen.add(kind)
        hint = f"; {WORDS_HINT}" if kind == "whole" and error.code != "notation" else ""
        raise CellError(error.code, f"{error}{hint}") from None
    if number is None:
        return None
    doubtful = is_doubtful(text, notation)
    if kind == "whole" and is_doubtful(text, "comma" if notation == "decimal" else "decimal"):
        if text.endswith("000"):  # 1.000 beside 1.250 is not 1
            doubtful = True
        else:
            doubts.seen.add(kind)
    if doubtful and kind in doubts:
        raise CellError(
            "notation",
            f"it can be read in two ways, for another number in the file does not fit decimalNotation {notation}: "
            "set the feed's decimalNotation",
        )
    return number


def unwrapped(text: str) -> str:
    """Return a key as it was before a spreadsheet protected its leading zeros: `="00123"`, or an apostrophe before it.

    Raises CellError for a long number that a spreadsheet has cut to scientific notation: its digits are lost.
    """
    text = clean_key(text)
    if text[:2] == '="' and text[-1:] == '"' and len(text) > 2:  # noqa: PLR2004
        text = clean_key(text[2:-1].replace('""', '"'))
    elif text[:1] == "'":
        text = clean_key(text[1:])
    if _SCIENTIFIC.fullmatch(text):
        raise CellError(
            "scientific", "a spreadsheet has cut this number to scientific notation: export the column as text"
        )
    return text


def _key(value: Any) -> Any:
    value = _text(value)
    return unwrapped(value) if value.__class__ is str else value


def _barcode(value: Any) -> Any:
    """Return "" for a word that stands where there is no barcode."""
    value = _key(value)
    return "" if value.__class__ is str and is_no_barcode(value) else value


def _text(value: Any) -> Any:
    if value.__class__ is int or value.__class__ is Decimal:
        return format(value, "f") if value.__class__ is Decimal else str(value)
    return value


def _whole(value: Any, notation: Notation, doubts: Doubts) -> Any:
    if value.__class__ is str:
        number = read_number(value, "whole", notation, doubts)
        if number is None:
            raise CellError("type", f"expected a whole number; {WORDS_HINT}")
        whole, _, places = number.partition(".")
        return int(whole or 0) if not places.strip("0") else value
    if value.__class__ is Decimal:
        return int(value) if value == value.to_integral_value() else format(value, "f")
    return value


def _decimal(value: Any, notation: Notation, doubts: Doubts) -> Any:
    if value.__class__ is str:
        number = read_number(value, "decimal", notation, doubts)
        return value if number is None else number
    return format(value, "f") if value.__class__ is Decimal else value


def _list(value: Any, pieces: Callable[[str], list[str]]) -> Any:
    if value.__class__ is str:
        if value[:1] == "[":
            return _json(value)
        return [piece for part in pieces(value) if (piece := part.strip())]
    if value.__class__ is list and all(element.__class__ is str for element in value):
        return [stripped for element in value if (stripped := element.strip())]
    return value


def _json(value: Any) -> Any:
    if value.__class__ is str and value[:1] in ("[", "{"):
        try:
            return orjson.loads(value)
        except ValueError:
            return value
    return value


def _parts(text: str) -> list[str]:
    return text.split("|" if "|" in text else ",")


def _addresses(text: str) -> list[str]:
    """Cut at `|` and new lines, and at a comma, a semicolon or white space before the next address."""
    pieces = []
    for line in _BREAK.split(text):
        begins = 0
        for found in _ADDRESS.finditer(line):
            at = found.start()
            if at > begins and (line[at - 1] in ",;" or line[at - 1].isspace()):
                piece = line[begins:at].rstrip()
                pieces.append(piece[:-1] if piece.endswith((",", ";")) else piece)
                begins = at
        pieces.append(line[begins:])
    return pieces


def adapter(attribute: str, kind: Kind, notation: Notation, doubts: Doubts) -> Callable[[Any], Any]:
    """Return the function that brings a value, not empty, nearer to what the attribute takes; "" for no value."""
    if kind == "whole":
        return lambda value: _whole(value, notation, doubts)
    if kind == "decimal":
        return lambda value: _decimal(value, notation, doubts)
    if kind == "choice":
        return lambda value: value.lower() if value.__class__ is str else value
    if kind == "list":
        pieces: Callable[[str], list[str]] = _addresses if attribute == "images" else _parts
        return lambda value: _list(value, pieces)
    if attribute in KEYS:
        return _barcode if attribute == "barcode" else _key
    return _json if kind == "json" else _text
