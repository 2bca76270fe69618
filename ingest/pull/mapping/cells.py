"""One value of a file to a value for an item attribute: numbers as people write them, lists and JSON in one text.

What is not understood is returned as it is, for `schemas.validation` to refuse in its own words; `CellError` is raised
where this side knows better what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

import orjson

from ingest.pull.mapping.doubts import NUMBERS, CellError, Doubts
from ingest.pull.mapping.keys import KEYS, SPREADSHEET_ERROR, as_barcode, as_external_id, as_key, as_text
from schemas.columns import Kind
from schemas.keys import clean_key
from schemas.numbers import Notation, NumberError, is_doubtful, is_of_the_other, plain_number

_ADDRESS = re.compile(r"https?://", re.IGNORECASE)
_BREAK = re.compile(r"[|\n]")
MATCH_HINT: Final = "the transform match takes a number out of its text"
_ERROR_SHOWN = "a spreadsheet's error in place of a number: ask the vendor to mend the cell"
WORDS_HINT: Final = "the transform textToQuantity turns words, 10+ and >10 into quantities"
_FLAGS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def read_number(text: str, kind: str, notation: Notation, doubts: Doubts) -> str | None:
    """Return a number's text with a point and without groups, None for a text without a digit.

    `kind` is the name of the attribute's kind. Raises CellError for what is no number, or could be two.
    """
    text = clean_key(text)
    if text[:2] == '="' and text[-1] == '"':
        text = clean_key(text[2:-1])
    try:
        number = plain_number(text, notation)
    except NumberError as error:
        if is_of_the_other(text, notation):
            doubts.seen.update(NUMBERS)
        if SPREADSHEET_ERROR.fullmatch(text):
            raise CellError("number", _ERROR_SHOWN) from None
        raise CellError(error.code, f"{error}{_hint(error, kind, notation)}") from None
    if number is None:
        if SPREADSHEET_ERROR.fullmatch(text):
            raise CellError("number", _ERROR_SHOWN)
        return None
    doubtful = is_doubtful(text, notation)
    if is_doubtful(text, "comma" if notation == "decimal" else "decimal"):
        if kind == "decimal" or text.endswith("000"):  # 1.000 beside 1.250 is not 1, nor beside 12,50
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


def _hint(error: NumberError, kind: str, notation: Notation) -> str:
    """Return which setting would read what is no number, as the end of an error; "" where none would."""
    if error.code == "notation":
        return f" (the feed's decimalNotation is {notation})"
    hints = [MATCH_HINT] if error.code == "currency" else []
    if kind == "whole" and (hints or error.is_inexact):
        hints.append(WORDS_HINT)
    return f"; {', '.join(hints)}" if hints else ""


def _whole(value: Any, notation: Notation, doubts: Doubts) -> Any:
    if value.__class__ is str:
        number = read_number(value, "whole", notation, doubts)
        if number is None:
            raise CellError("type", f"expected a whole number; {WORDS_HINT}")
        whole, _, places = number.partition(".")
        if places.strip("0"):
            so = f", and with decimalNotation {notation} it is {number}" if number != value.strip() else ""
            raise CellError("type", f"expected a whole number{so}")
        return int(whole or 0)
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
    if kind in ("choice", "flag"):
        meant: Mapping[str, Any] = _FLAGS if kind == "flag" else {}
        return lambda value: meant.get(value.lower(), value.lower()) if value.__class__ is str else value
    if kind == "list":
        pieces: Callable[[str], list[str]] = _addresses if attribute == "images" else _parts
        return lambda value: _list(value, pieces)
    if attribute in KEYS:
        return {"externalId": as_external_id, "barcode": as_barcode}.get(attribute, as_key)
    return _json if kind == "json" else as_text
