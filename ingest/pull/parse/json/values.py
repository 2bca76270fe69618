"""Following the steps of a JSON path inside a value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingest.feeds.jsonpaths import STAR, Step
from ingest.pull.records import MISSING

KEY, VALUE = _GIVEN = "@key", "@value"
"""Under which a member of an object that is read as items has its own name, and its value if that is no object."""


def follow(value: Any, steps: tuple[Step, ...]) -> Any:
    """Return what these steps lead to inside a value, a list of all for `[*]`; MISSING for nothing."""
    for at, step in enumerate(steps):
        if step is STAR:
            if value.__class__ not in (list, dict):
                return MISSING
            inner = (each for name, each in value.items() if name not in _GIVEN) if value.__class__ is dict else value
            found = [follow(each, steps[at + 1 :]) for each in inner]
            return [element for element in found if element is not MISSING and element is not None]
        if isinstance(step, int):
            value = value[step] if value.__class__ is list and step < len(value) else MISSING
        else:
            value = value.get(step, MISSING) if value.__class__ is dict else MISSING
        if value is MISSING:
            break
    return value


def member(name: str, value: Any) -> dict[str, Any]:
    """Return the item that a member of an object is."""
    return {**value, KEY: name} if value.__class__ is dict else {KEY: name, VALUE: value}


def elements_of(value: Any) -> list[Any]:
    """Return the elements of an array, or the members of an object as items; none of anything else.

    What a member was given itself (`@key`, `@value`) is none of them.
    """
    if value.__class__ is dict:
        return [member(name, each) for name, each in value.items() if name not in _GIVEN]
    return value if value.__class__ is list else []


def expanded(value: Any, steps: tuple[Step, ...], around: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """Yield (item, object around it, object around that …) for each item that these steps lead to inside a value."""
    holder = value
    for at, step in enumerate(steps):
        if step is STAR:
            for element in elements_of(value):
                yield from expanded(element, steps[at + 1 :], (holder, *around))
            return
        if isinstance(step, int):
            value = value[step] if value.__class__ is list and step < len(value) else None
        else:
            value = value.get(step) if value.__class__ is dict else None
        if value is None:
            return
    yield (value, *((holder, *around) if steps else around))
