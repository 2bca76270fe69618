"""The likely mend of a kind of reject: a change of the feed's settings that a person can press. Pure.

A mend is offered, never made: what it changes is shown on the same rows first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_COMMA = re.compile(r"[+-]?\d{1,3}(?:[. ]?\d{3})*,\d{1,4}", re.ASCII)
_POINT = re.compile(r"[+-]?\d{1,3}(?:,?\d{3})*\.\d{1,4}", re.ASCII)
_SIGNS = "$€£"
_PRICES = ("costPrice", "retailPrice", "compareAtPrice", "grams")


@dataclass(frozen=True, slots=True)
class Mend:
    """A button: `settings` are attributes of the feed to set, `transform` is added to the attribute's own."""

    label: str
    settings: dict[str, Any]
    attribute: str | None = None
    transform: dict[str, Any] | str | None = None


def mend_of(field: str | None, code: str, values: list[str], notation: str) -> Mend | None:
    """Return what would probably let these values of an attribute through; None when only the vendor can mend them.

    `notation` is the feed's decimal sign; `values` are examples of what was refused.
    """
    filled = [value.strip() for value in values if value and value.strip()]
    if not filled:
        return None
    number = field in _PRICES or field == "inventoryQuantity"
    mend = _notation(filled, notation) if number else None
    if mend is None and field == "inventoryQuantity":
        mend = _quantity(filled)
    if mend is None and number and any(value[0] in _SIGNS or value[-1] in _SIGNS for value in filled):
        mend = Mend(f"{filled[0]}: take the number out of it", {}, field, {"name": "match", "pattern": r"([\d.,]+)"})
    if mend is None and code == "length" and field:
        mend = Mend("cut it to 255 characters", {}, field, {"name": "match", "pattern": "(?s)^(.{0,255})"})
    return mend


def _notation(filled: list[str], notation: str) -> Mend | None:
    if notation == "decimal" and all(_COMMA.fullmatch(value) for value in filled):
        return Mend(f"{filled[0]}: set decimal comma", {"decimalNotation": "comma"})
    if notation == "comma" and all(_POINT.fullmatch(value) for value in filled):
        return Mend(f"{filled[0]}: set decimal point", {"decimalNotation": "decimal"})
    return None


def _quantity(filled: list[str]) -> Mend | None:
    joined = "".join(filled)
    if not any(character.isdigit() for character in joined):
        words = {value.lower(): 0 for value in filled[:10]}
        label = f"“{filled[0]}” means 0" if len(words) == 1 else f"{len(words)} words mean 0"
        return Mend(label, {}, "inventoryQuantity", {"name": "textToQuantity", "words": words})
    if any(sign in joined for sign in "+><"):
        return Mend(f"{filled[0]}: read it as a number", {}, "inventoryQuantity", "textToQuantity")
    return None
