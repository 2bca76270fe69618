"""An expression compiled: a function of one record's values, and a faster one of a whole column of them.

`candidate` is the meaning of an expression; `column` gives the same for many records at once and refuses (ValueError,
TypeError) a column in which not every value is plainly right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from ingest.feeds.mapping import Expression
from ingest.pull.mapping.cells import adapter
from ingest.pull.mapping.doubts import CellError, Doubts
from ingest.pull.mapping.keys import KEYS, certain_key, key_source
from ingest.pull.mapping.transforms import compile_transform
from ingest.pull.mapping.whole_columns import (
    REMEMBERED,
    Cell,
    Memories,
    Run,
    Straight,
    Together,
    bounded_integers,
    canonical_decimals,
    decimals,
    keys,
    mapped,
    remembered,
    straight,
    texts,
    whole_numbers,
    wholes,
)
from ingest.pull.records import MISSING, Refused
from schemas.columns import Column, Each, Whole, checked
from schemas.items import KEY
from schemas.numbers import Notation


@dataclass(frozen=True, slots=True)
class Compiled:
    """How one attribute is made. `label` names the source in rejects, `sources` are positions in the values' list.

    An `optional` one is left out where no record has a value.
    """

    attribute: str
    label: str | None
    sources: tuple[int, ...]
    candidate: Cell
    column: Run
    cell: Cell
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Origin:
    """Where values come from: `as_text` for CSV and XML, where all is text and an empty one is no value.

    `memories` are shared by the plain columns of one kind: prices look alike.
    """

    as_text: bool
    notation: Notation
    memories: Memories
    doubts: Doubts


def compile_column(
    attribute: str, asked: Column, expression: Expression, sources: tuple[int, ...], origin: Origin
) -> Compiled:
    """Compile the expression of an attribute."""
    label = ", ".join(str(path) for path in expression.paths) or None
    candidate = _candidate(attribute, asked, expression, origin)
    check = _check(attribute, asked)
    if not sources:
        value = check(candidate())
        return Compiled(
            attribute, label, (), candidate, lambda _, count: ([value] * count, value is MISSING), lambda: value
        )

    def cell(*raw: Any) -> Any:
        return check(candidate(*raw))

    bare = not expression.transforms and expression.default is None and expression.when_empty == "keep"
    column = mapped(cell, sources)
    if bare and asked.kind == "text" and len(sources) == 1:
        if attribute in KEYS:
            column = keys(sources[0], column, attribute, as_text=origin.as_text)
        else:
            column = texts(sources[0], asked, as_text=origin.as_text)
    elif asked.kind in ("whole", "decimal", "choice"):
        if len(sources) > 1:  # typed: 1, 1.0 and true are one key of a dict
            column = mapped(lru_cache(REMEMBERED, typed=True)(cell), sources)
        else:
            memory = origin.memories.of(asked, cell, _together(asked, origin), shared=bare)
            column = remembered(memory, sources[0], column, as_text=origin.as_text)
            if bare and (attempt := _straight(asked, origin)) is not None:
                column = straight(attempt, sources[0], column)
    if bare and asked.kind == "whole" and len(sources) == 1 and not origin.as_text:
        column = wholes(sources[0], asked, column)
    return Compiled(attribute, label, sources, candidate, column, cell, bare and attribute != KEY)


def _together(asked: Column, origin: Origin) -> Together | None:
    if asked.kind == "whole":
        return whole_numbers
    return decimals if asked.kind == "decimal" and origin.notation == "decimal" else None


def _straight(asked: Column, origin: Origin) -> Straight | None:
    if isinstance(asked, Whole):
        return bounded_integers(asked)
    return canonical_decimals if asked.kind == "decimal" and origin.notation == "decimal" else None


def _candidate(attribute: str, asked: Column, expression: Expression, origin: Origin) -> Cell:
    if not expression.paths:
        constant = adapter(attribute, asked.kind, "decimal", Doubts())(expression.constant)
        return lambda: constant
    transforms = _transforms(attribute, asked, expression, origin)
    adapt = adapter(attribute, asked.kind, origin.notation, origin.doubts)
    default = MISSING
    if expression.default is not None:
        default = adapter(attribute, asked.kind, "decimal", Doubts())(expression.default)
    when_empty = None if expression.when_empty == "clear" else MISSING
    # In JSON an empty text and an empty list are values, where the attribute takes such.
    kept = {"text": str, "list": list}.get(asked.kind) if not origin.as_text else None

    def candidate(*raw: Any) -> Any:
        value, empty = _first(raw, as_text=origin.as_text)
        for transform in transforms:
            if value is MISSING:
                break
            value = transform(value)
        if value is not MISSING and value != "":
            adapted = adapt(value)
            if adapted != "":
                return adapted
            empty = MISSING if origin.as_text else None
        if default is not MISSING:
            return default
        if empty is None:
            return None
        return empty if empty.__class__ is kept and when_empty is MISSING else when_empty

    return candidate


def _transforms(attribute: str, asked: Column, expression: Expression, origin: Origin) -> list[Cell]:
    found = [compile_transform(each, asked.kind, origin.notation, origin.doubts) for each in expression.transforms]
    if attribute in KEYS:
        source = partial(key_source, attribute)
        return [lambda value: certain_key(value, origin.doubts), *([source, *found] if found else ())]
    return found


def _first(raw: tuple[Any, ...], *, as_text: bool) -> tuple[Any, Any]:
    """Return the first value that is not empty (or MISSING), and the first empty one: MISSING, null, "", []."""
    empty = MISSING
    for found in raw:
        value = found.strip() if as_text and found.__class__ is str else found
        if value.__class__ is Refused:
            raise CellError(value.code, value.message)
        blank = value is MISSING or value is None or value in ("", [])
        if not blank and not (value.__class__ is str and value.isspace()):
            return value, empty
        if empty is MISSING:
            empty = value
    return MISSING, empty


def _check(attribute: str, asked: Column) -> Callable[[Any], Any]:
    """Return the function that passes a value that is plainly right, canonical, and raises for every other."""
    one = asked.one if isinstance(asked, Each) else lambda value: checked(asked, [value])[0]

    def check(value: Any) -> Any:
        if value is not MISSING and value is not None:
            return one(value)
        if attribute == KEY:
            raise ValueError
        return value

    return check
