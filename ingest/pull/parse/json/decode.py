"""Bytes to JSON values: numbers with every digit, and whether a name stands twice in an object."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec

_DECODER = msgspec.json.Decoder()
_ENCODER = msgspec.json.Encoder()
_OBJECTS = frozenset((dict,))
_BETWEEN = bytes(set(range(256)) - set(b'":sp'))
"""What is left out to count the colons behind quotation marks in a fraction of the bytes: white space between the two,
so that none is missed, and letters, but for those before the colons of addresses (http:, https:)."""
_ESCAPED_COLON = b"\\u003"


class RepeatedNameError(ValueError):
    """An object has the same name twice, so it is not clear which value is meant."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the name {name[:60]!r} stands twice in one object")


def loads(data: bytes) -> Any:
    """Return the value that is written; whole numbers keep every digit. Raises ValueError."""
    try:
        return _DECODER.decode(data)
    except RecursionError:
        raise ValueError("nested too deep") from None


def may_repeat(values: Sequence[Any], data: bytes) -> bool:
    """Return whether a name may stand twice in an object of these values, which `data` was decoded to.

    A decoder keeps the last of them in silence. But each name has its colon: where the values have as many as the data,
    nothing was dropped. Of flat objects the names are counted, against all colons or, as texts have colons too,
    against those that are not of addresses (no value begins with a slash), or those behind a quotation mark; what is
    nested is encoded again to be counted.
    """
    colons = len(data.split(b":")) - 1  # a third of what `count` costs
    if _OBJECTS.issuperset(map(type, values)):
        names = sum(map(len, values))
        if names in (colons, colons - data.count(b"://")) or names == data.translate(None, _BETWEEN).count(b'":'):
            return False
    return _ESCAPED_COLON in data or _ENCODER.encode(values).count(b":") != colons


def refuse_repeated(data: bytes) -> None:
    """Raise RepeatedNameError when a name stands twice in an object."""
    json.loads(data, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise RepeatedNameError(next(name for name in names if names.count(name) > 1))
    return found
