"""Bytes to JSON values: numbers with every digit, and whether a name stands twice in an object."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from operator import attrgetter
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


class Alike:
    """Objects that all have the same names."""

    def __init__(self, names: Sequence[str], values: list[Any]) -> None:
        self.names, self._values = names, values

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        fields = [f"f{at}" for at in range(len(self.names))]
        return (dict(zip(self.names, (getattr(value, each) for each in fields), strict=True)) for value in self._values)

    def columns(self, wanted: frozenset[str]) -> dict[str, Sequence[Any]]:
        """Return the columns of those of the names that are wanted."""
        names = {name: f"f{at}" for at, name in enumerate(self.names) if name in wanted}
        if len(names) < 2:  # noqa: PLR2004 - attrgetter gives no tuple
            return {name: list(map(attrgetter(field), self._values)) for name, field in names.items()}
        rows = map(attrgetter(*names.values()), self._values)
        return dict(zip(names, zip(*rows, strict=True), strict=True))


class Shape:
    """Decodes arrays of objects that have just the names of one that was decoded before: at half the cost of dicts."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = tuple(names)
        fields = [(f"f{at}", Any) for at in range(len(names))]
        renamed = dict(zip((field for field, _ in fields), names, strict=True))
        made: Any = msgspec.defstruct("Item", fields, rename=renamed, forbid_unknown_fields=True, gc=False)
        self._decoder: Any = msgspec.json.Decoder(list[made])

    def loads(self, data: bytes) -> Alike | None:
        """Return the objects; None where others are among them, or a name may stand twice in one."""
        try:
            values = self._decoder.decode(data)
        except (ValueError, RecursionError):
            return None
        return None if _may_repeat(values, data, len(values) * len(self._names)) else Alike(self._names, values)


def may_repeat(values: Sequence[Any], data: bytes) -> bool:
    """Return whether a name may stand twice in an object of these values, which `data` was decoded to.

    A decoder keeps the last of them in silence. But each name has its colon: where the values have as many as the data,
    nothing was dropped. Of flat objects the names are counted, against all colons or, as texts have colons too,
    against those that are not of addresses (no value begins with a slash), or those behind a quotation mark; what is
    nested is encoded again to be counted.
    """
    flat = _OBJECTS.issuperset(map(type, values))
    return _may_repeat(values, data, sum(map(len, values)) if flat else None)


def _may_repeat(values: Any, data: bytes, names: int | None) -> bool:
    """Return what `may_repeat` does; `names` is how many flat objects have."""
    colons = len(data) - len(data.replace(b":", b""))  # a third of what `count` costs
    if names is not None and (
        names in (colons, colons - data.count(b"://")) or names == data.translate(None, _BETWEEN).count(b'":')
    ):
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
