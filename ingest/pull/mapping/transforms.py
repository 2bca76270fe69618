"""The named transforms of mapping expressions, compiled to functions of one value."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from ingest.feeds.mapping import Match, Number, Prefix, Split, Suffix, TextToQuantity, Transform, compile_pattern
from ingest.pull.mapping.values import CellError, Notation, plain_number
from ingest.pull.records import MISSING

_AT_LEAST = re.compile(r"(?:(?:>=?|≥)\s*(\d{1,9})|(\d{1,9})\s*\+)", re.ASCII)
_NONE_LEFT = {"out of stock": 0, "sold out": 0}

Function = Callable[[Any], Any]


def compile_transform(transform: Transform, notation: Notation) -> Function:
    """Return the function of a transform; it raises CellError for what it cannot change."""
    match transform:
        case "trim":
            change: Function = str.strip
        case "lower":
            change = str.lower
        case "upper":
            change = str.upper
        case Prefix(text=added):
            change = added.__add__
        case Suffix(text=added):
            return _on_text(lambda text: text + added)
        case Match(pattern=pattern):
            change = _first_match(pattern)
        case Split(separator=separator):
            return lambda value: (
                [piece for part in value.split(separator) if (piece := part.strip())]
                if value.__class__ is str
                else value
            )
        case Number(notation=own):
            return _number(own or notation)
        case TextToQuantity(words=words):
            return _quantity(words)
    return _on_text(change)


def _on_text(change: Callable[[str], Any]) -> Function:
    def apply(value: Any) -> Any:
        if value.__class__ is str:
            return change(value)
        if value.__class__ is list:
            return [apply(element) for element in value]
        if value.__class__ is int or value.__class__ is Decimal:
            return change(format(value, "f") if value.__class__ is Decimal else str(value))
        if value.__class__ is float:
            return change(repr(value))
        raise CellError("type", "expected text to transform")

    return apply


def _first_match(pattern: str) -> Callable[[str], Any]:
    compiled = compile_pattern(pattern)
    group = compiled.groups

    def first(text: str) -> Any:
        found = compiled.search(text)
        return MISSING if found is None or found[group] is None else found[group]

    return first


def _number(notation: Notation) -> Function:
    def number(value: Any) -> Any:
        if value.__class__ is not str:
            return value
        try:
            return Decimal(plain_number(value.strip(), notation))
        except InvalidOperation:
            raise CellError("number", "expected a number") from None

    return number


def _quantity(words: Mapping[str, int]) -> Function:
    meanings = _NONE_LEFT | {word.strip().lower(): quantity for word, quantity in words.items()}

    def quantity(value: Any) -> Any:
        if value.__class__ is not str:
            return value
        text = value.strip()
        meaning = meanings.get(text.lower())
        if meaning is not None:
            return meaning
        found = _AT_LEAST.fullmatch(text)
        return value if found is None else int(found[1] or found[2])

    return quantity
