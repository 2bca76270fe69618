"""One value of a file to a value for an item attribute: numbers as people write them, lists in one text, JSON in text.

What is not understood is returned as it is, for `schemas.items.validate` to refuse in its own words; `CellError` is
raised where this side knows better what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Literal

import orjson

from ingest.pull.mapping.kinds import Kind

Notation = Literal["decimal", "comma"]
_MAX_NUMBER = 40
_PLAIN = re.compile(r"[+-]?(?:\d{1,15}(?:\.\d{1,15})?|\.\d{1,15})", re.ASCII)
_SPACES = "\u0020\u00a0\u2009\u202f'’"  # noqa: RUF001
_GROUPED = {
    "decimal": re.compile(rf"([+-]?\d{{1,3}})([,{_SPACES}])(\d{{3}}(?:\2\d{{3}})*)(?:\.(\d+))?", re.ASCII),
    "comma": re.compile(rf"([+-]?\d{{1,3}})([.{_SPACES}])(\d{{3}}(?:\2\d{{3}})*)(?:,(\d+))?", re.ASCII),
}
_COMMA = re.compile(r"([+-]?\d{0,15}),(\d{1,15})", re.ASCII)
_SCIENTIFIC = re.compile(r"[+-]?\d+([.,]\d+)?[eE][+-]?\d+", re.ASCII)
_DIGIT = re.compile(r"\d")
_UNIT = re.compile(r"[^\W\d_]|[$£¥€₹₽₩₺₫₪¢%]")
_URL_BREAK = re.compile(r"\s*[|\n]\s*|\s*[,;\s]\s*(?=https?://)", re.IGNORECASE)


class CellError(ValueError):
    """A value is wrong; `code` is of the closed list in `docs/pull.md`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def plain_number(text: str, notation: Notation) -> str:
    """Return a number's text with a point as decimal sign and no group separators; text that is no number, as it is.

    "1.234,50" in comma notation and "1,234.50" in decimal notation are 1234.50. Raises CellError for a currency sign or
    a unit, and for a number of the other notation: a price must not be off by a thousand in silence.
    """
    if notation == "decimal" and _PLAIN.fullmatch(text):
        return text
    if len(text) > _MAX_NUMBER:
        return text
    grouped = _GROUPED[notation].fullmatch(text)
    if grouped is not None:
        whole = grouped[1] + grouped[3].replace(grouped[2], "")
        return f"{whole}.{grouped[4]}" if grouped[4] else whole
    if notation == "comma" and (comma := _COMMA.fullmatch(text)):
        return f"{comma[1] or 0}.{comma[2]}"
    if notation == "comma" and text.lstrip("+-").isdecimal():
        return text
    _refuse(text, notation)
    return text


def _refuse(text: str, notation: Notation) -> None:
    """Raise CellError where it can be said what is wrong with a text that is no number in this notation."""
    if notation == "comma" and _PLAIN.fullmatch(text):
        raise CellError("notation", "a decimal point, but the feed's decimalNotation is comma")
    if notation == "decimal" and (_COMMA.fullmatch(text) or _GROUPED["comma"].fullmatch(text)):
        raise CellError("notation", "a decimal comma, but the feed's decimalNotation is decimal")
    if _UNIT.search(text) and _DIGIT.search(text) and not _SCIENTIFIC.fullmatch(text):
        raise CellError("currency", "a currency sign or a unit: expected a bare number")


def _text(value: Any) -> Any:
    if value.__class__ is int or value.__class__ is Decimal:
        return format(value, "f") if value.__class__ is Decimal else str(value)
    return value


def _whole(value: Any, notation: Notation) -> Any:
    if value.__class__ is str:
        value = plain_number(value, notation)
        whole, _, places = value.partition(".")
        return int(whole) if places.strip("0") == "" and _PLAIN.fullmatch(whole) else value
    if value.__class__ is Decimal:
        return int(value) if value == value.to_integral_value() and abs(value) < 2**53 else format(value, "f")
    return value


def _decimal(value: Any, notation: Notation) -> Any:
    if value.__class__ is str:
        return plain_number(value, notation)
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


def adapter(attribute: str, kind: Kind, notation: Notation) -> Callable[[Any], Any]:
    """Return the function that brings a value, not empty, nearer to what the attribute takes."""
    if kind.name == "whole":
        return lambda value: _whole(value, notation)
    if kind.name == "decimal":
        return lambda value: _decimal(value, notation)
    if kind.name == "choice":
        return lambda value: value.lower() if value.__class__ is str else value
    if kind.name == "list":
        pieces: Callable[[str], list[str]] = _URL_BREAK.split if attribute == "images" else _parts
        return lambda value: _list(value, pieces)
    return _json if kind.name == "json" else _text
