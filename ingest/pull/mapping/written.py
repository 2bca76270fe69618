"""Items written as JSON from their columns: without a dict an item, which nobody looks into before it is stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import orjson

from ingest.pull.records import MISSING

_Form = Literal["text", "json", "member"]
"""How the values of a column stand in their items: as text that needs quotation marks, as JSON, with name and comma."""


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
    names = tuple(column.attribute for column in columns)
    return _writer(names, tuple(form for form, _ in made))([written for _, written in made])


def _column(column: MadeColumn) -> tuple[_Form, list[str]]:
    if not column.gaps:
        return _written(column.values)
    form, present = _written([value for value in column.values if value is not MISSING])
    quote = '"' if form == "text" else ""
    before = f',"{column.attribute}":{quote}'
    rest = iter(present)
    return "member", ["" if value is MISSING else f"{before}{next(rest)}{quote}" for value in column.values]


def _written(values: list[Any]) -> tuple[_Form, list[str]]:
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
def _writer(names: tuple[str, ...], forms: tuple[_Form, ...]) -> Callable[[Sequence[Sequence[str]]], list[str]]:
    """Return the function that writes items of such columns.

    Its code is written for them, as `dataclasses` does it: one format of fifteen names takes half the time of a dict.
    """
    pieces = []
    for at, (name, form) in enumerate(zip(names, forms, strict=True)):
        before = "" if at == 0 else ","
        value = {"text": f'"{{v{at}}}"', "json": f"{{v{at}}}"}.get(form)
        pieces.append(f"{{v{at}}}" if value is None else f'{before}"{name}":{value}')
    values = ", ".join(f"v{at}" for at in range(len(names)))
    form_of_item = "{{" + "".join(pieces) + "}}"
    source = f"lambda columns: [f'{form_of_item}' for ({values},) in zip(*columns, strict=True)]"
    write: Callable[[Sequence[Sequence[str]]], list[str]] = eval(source)  # noqa: S307 - names of `Item` alone
    return write
