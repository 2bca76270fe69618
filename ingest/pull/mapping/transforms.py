"""The named transforms of mapping expressions, compiled to functions of one value."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from ingest.feeds.transforms import Match, Number, Prefix, Split, Suffix, TextToQuantity, Transform, compile_pattern
from ingest.pull.mapping.cells import read_number
from ingest.pull.mapping.doubts import NUMBERS, CellError, Doubts
from ingest.pull.records import MISSING
from schemas.numbers import PART, Notation, is_doubtful, is_factor, is_part

_AT_LEAST = re.compile(r"(?:>=?|≥)\s*([^\s+-]\S{0,19})|([^\s+-]\S{0,19}?)\s*\+")
_DIGIT = re.compile(r"\d", re.ASCII)
_NONE_LEFT = {"out of stock": 0, "sold out": 0}

Function = Callable[[Any], Any]


def compile_transform(transform: Transform, kind: str, notation: Notation, doubts: Doubts) -> Function:
    """Return the function of a transform; it raises CellError for what it cannot change.

    `kind` is the name of the attribute's kind; `notation` the feed's.
    """
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
            change = _first_match(pattern, whole_numbers=kind in NUMBERS)
        case Split(separator=separator):
            return lambda value: (
                [piece for part in value.split(separator) if (piece := part.strip())]
                if value.__class__ is str
                else value
            )
        case Number(notation=own):
            return _number(kind, own or notation, doubts if own in (None, notation) else Doubts())
        case TextToQuantity(words=words):
            return _quantity(words, notation, doubts)
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


def _first_match(pattern: str, *, whole_numbers: bool) -> Callable[[str], Any]:
    """Return what finds the first match; with `whole_numbers` it takes none that begins or ends inside a number."""
    compiled = compile_pattern(pattern)
    group = compiled.groups

    def first(text: str) -> Any:
        found = compiled.search(text)
        if found is None or found[group] is None:
            return MISSING
        if whole_numbers and (is_part(text, *found.span()) or is_factor(text, *found.span())):
            raise CellError("number", f"the pattern of match {PART}")
        return found[group]

    return first


def _number(kind: str, notation: Notation, doubts: Doubts) -> Function:
    def number(value: Any) -> Any:
        if value.__class__ is not str:
            return value
        found = read_number(value.strip(), kind, notation, doubts)
        if found is None:
            raise CellError("number", "expected a number")
        return Decimal(found)

    return number


def _quantity(words: Mapping[str, int], notation: Notation, doubts: Doubts) -> Function:
    meanings = _NONE_LEFT | {word.strip().lower(): quantity for word, quantity in words.items()}

    def quantity(value: Any) -> Any:
        if value.__class__ is not str:
            return value
        text = value.strip()
        meaning = meanings.get(text.lower())
        if meaning is not None:
            return meaning
        found = _AT_LEAST.fullmatch(text)
        if found is not None:
            return _least(found[1] or found[2], text, notation, doubts)
        if not _DIGIT.search(text):
            raise CellError("type", "a word without a meaning: add it to the words of textToQuantity")
        return value

    return quantity


def _least(least: str, text: str, notation: Notation, doubts: Doubts) -> Any:
    """Return the number in "10+" or ">10"; all of the text if there is none that is whole."""
    if is_doubtful(least, "comma" if notation == "decimal" else "decimal"):
        raise CellError("notation", "it can be read in two ways: expected a whole number without groups")
    number = read_number(least, "whole", notation, doubts)
    whole, _, places = (number or "").partition(".")
    return int(whole) if whole and not places.strip("0") else text
