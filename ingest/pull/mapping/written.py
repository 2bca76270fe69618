"""Items written as JSON from their columns: without a dict an item, which nobody looks into before it is stored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import repeat
from typing import Any, Literal

import orjson

from ingest.pull.records import MISSING

_Form = Literal["text", "json", "member"]
"""How the values of a column stand in their items: as text that needs quotation marks, as JSON, with name and comma."""


class Plain(list[str]):
    """Texts of which it is known that they stand in JSON as they are, between quotation marks."""

    __slots__ = ()


class Numbers(list[int]):
    """Numbers of which it is known how they are written in JSON: as these texts are."""

    __slots__ = ("texts",)

    def __init__(self, values: list[int], texts: list[str]) -> None:
        super().__init__(values)
        self.texts = texts


@dataclass(frozen=True, slots=True)
class MadeColumn:
    """An attribute's values; MISSING may be among them where it has `gaps`."""

    attribute: str
    values: list[Any]
    gaps: bool


def items_of(columns: Sequence[MadeColumn]) -> list[str]:
    """Return the items with these columns as JSON; the first one's attribute is in every item."""
    first, *others = columns
    made = [_written(first.values), *map(_column, others)]
    between = _between(tuple(column.attribute for column in columns), tuple(form for form, _ in made))
    parts: list[Iterable[str]] = []
    for before, (_, written) in zip(between, made, strict=False):
        parts += (repeat(before, len(first.values)), written) if before else (written,)
    parts.append(repeat(between[-1], len(first.values)))
    return list(map("".join, zip(*parts, strict=True)))


def _column(column: MadeColumn) -> tuple[_Form, list[str]]:
    if not column.gaps:
        return _written(column.values)
    form, present = _written([value for value in column.values if value is not MISSING])
    quote = '"' if form == "text" else ""
    before = f',"{column.attribute}":{quote}'
    rest = iter(present)
    return "member", ["" if value is MISSING else f"{before}{next(rest)}{quote}" for value in column.values]


def _written(values: list[Any]) -> tuple[_Form, list[str]]:
    if isinstance(values, Plain):
        return "text", values
    if isinstance(values, Numbers):
        return "json", values.texts
    kind = type(values[0]) if values else None
    if kind is int:
        numbers = orjson.dumps(values)[1:-1].decode().split(",")
        if len(numbers) == len(values):  # no lists among them
            return "json", numbers
    if kind is str:
        try:
            return "text", _escaped(values)
        except TypeError:  # null among them
            pass
    return "json", [orjson.dumps(value).decode() for value in values]


def _escaped(values: list[str]) -> list[str]:
    """Return texts as they stand in JSON, between quotation marks. Raises TypeError for other values."""
    joined = "".join(values)
    if joined.isascii() and len(orjson.dumps(joined)) == len(joined) + 2:
        return values
    # Within a text, a quotation mark has a backslash before it: no text holds what stands between two.
    return orjson.dumps(values).decode()[2:-2].split('","')


@cache
def _between(names: tuple[str, ...], forms: tuple[_Form, ...]) -> tuple[str, ...]:
    """Return the text that stands before each column's values in their items, and that behind the last one's."""
    texts = ["{"]
    for name, form in zip(names, forms, strict=True):
        quote = '"' if form == "text" else ""
        if form != "member":
            texts[-1] += f'{"," if len(texts) > 1 else ""}"{name}":{quote}'
        texts.append(quote)
    texts[-1] += "}"
    return tuple(texts)
