"""Following the steps of a JSON path inside a value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingest.feeds.jsonpaths import STAR, Step
from ingest.pull.records import MISSING


def follow(value: Any, steps: tuple[Step, ...]) -> Any:
    """Return what these steps lead to inside a value, a list of all for `[*]`; MISSING for nothing."""
    for at, step in enumerate(steps):
        if step is STAR:
            if value.__class__ is not list:
                return MISSING
            found = [follow(element, steps[at + 1 :]) for element in value]
            return [element for element in found if element is not MISSING and element is not None]
        if isinstance(step, int):
            value = value[step] if value.__class__ is list and step < len(value) else MISSING
        else:
            value = value.get(step, MISSING) if value.__class__ is dict else MISSING
        if value is MISSING:
            break
    return value


def expanded(value: Any, steps: tuple[Step, ...], around: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """Yield (item, object around it, object around that …) for each item that these steps lead to inside a value."""
    holder = value
    for at, step in enumerate(steps):
        if step is STAR:
            for element in value if value.__class__ is list else ():
                yield from expanded(element, steps[at + 1 :], (holder, *around))
            return
        if isinstance(step, int):
            value = value[step] if value.__class__ is list and step < len(value) else None
        else:
            value = value.get(step) if value.__class__ is dict else None
        if value is None:
            return
    yield (value, *((holder, *around) if steps else around))
