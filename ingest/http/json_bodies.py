"""JSON of items as programs really write it: what is wrong with one value is that item's trouble, not its neighbours'.

Three things that decoders pass over or refuse a whole body for: a name that stands twice in an object (a decoder keeps
the last value, in silence), numbers that are none (`NaN` of Python's programs, 1e400), and halves of surrogate pairs
(JavaScript's programs cut texts in the middle of an emoji).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

import orjson

from schemas.items import KEY

_ESCAPED_COLON: Final = b"\\u003"
_NO_NUMBERS: Final = ("NaN", "Infinity", "-Infinity")
_OF_ONE_VALUE: Final = ("surrogate in string", "infinity")
"""Of orjson's messages, those about one value of what else is well-formed."""
_DIGITS: Final = 20
"""Of the longest whole number of 64 bits, its sign or not."""


@dataclass(frozen=True, slots=True)
class Repeated:
    """Stands for an item in which a name stands twice, in itself or in what is nested in it."""

    name: str
    external_id: Any = None


def loads(body: bytes) -> Any:
    """Return the value of a body; an item with a repeated name is a `Repeated`. Raises `orjson.JSONDecodeError`.

    `NaN` and numbers beyond a double are floats that no attribute takes, half a surrogate pair is text that none takes.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if not _is_of_one_value(error):
            raise
        try:
            return _by_pairs(body)
        except (ValueError, RecursionError):
            raise error from None
    return _by_pairs(body) if may_repeat(value, body) else value


def may_repeat(value: Any, body: bytes) -> bool:
    """Return whether a name may stand twice in an object of this value, which `body` was decoded to.

    Each name has its colon, so where the value, written again, has as many as the body, nothing was dropped.
    """
    try:
        written = orjson.dumps(value)
    except orjson.JSONEncodeError:  # nested so deep that it is refused for that
        return False
    return _ESCAPED_COLON in body or written.count(b":") != body.count(b":")


def repeated_name(body: bytes) -> str | None:
    """Return a name that stands twice in an object of a body that is JSON, None for one without."""
    found: list[str | None] = []
    json.loads(body.decode(), object_pairs_hook=lambda pairs: found.append(_twice(pairs)))
    return next((name for name in found if name is not None), None)


def _is_of_one_value(error: orjson.JSONDecodeError) -> bool:
    return error.doc.startswith(_NO_NUMBERS, error.pos) or any(words in error.msg for words in _OF_ONE_VALUE)


def _by_pairs(body: bytes) -> Any:
    """Decode by Python's own decoder, which takes all that is named above; raises ValueError and RecursionError."""
    value = json.loads(
        body.decode(), object_pairs_hook=_object, parse_int=_whole
    )  # of bytes it would guess the encoding
    return list(map(_marked, value)) if value.__class__ is list else _marked(value)


def _whole(digits: str) -> int | float:
    """Return a number without a point as orjson does: beyond 64 bits, which no message can hold, it is a float."""
    if len(digits) <= _DIGITS and -(2**63) <= (value := int(digits)) < 2**64:
        return value
    return float(digits)


def _object(pairs: list[tuple[str, Any]]) -> Any:
    twice = _twice(pairs)
    if twice is None:
        return dict(pairs)
    external_ids = [value for name, value in pairs if name == KEY]
    return Repeated(twice, external_ids[0] if len(external_ids) == 1 else None)


def _twice(pairs: list[tuple[str, Any]]) -> str | None:
    """Return the first name that stands there a second time."""
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            return name
        seen.add(name)
    return None


def _marked(element: Any) -> Any:
    """Return the element, or what stands for it if a name is repeated in it, level by level."""
    level = [element]
    while level:
        for each in level:
            if each.__class__ is Repeated:
                return Repeated(each.name, element.get(KEY)) if element.__class__ is dict else each
        level = [
            inner
            for outer in level
            if outer.__class__ is dict or outer.__class__ is list
            for inner in (outer.values() if outer.__class__ is dict else outer)
        ]
    return element
