"""What a window's compare asks and what a new row begins with; the rules themselves are `schemas.comparison`. Pure."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from types import MappingProxyType
from typing import Any

from orjson import dumps
from xxhash import xxh3_64_intdigest

from schemas.items import DETAIL_ATTRIBUTES, HOT_ATTRIBUTES, NULL_MEANS
from schemas.tables import Columns, Table, table_of

_DETAILS = frozenset(DETAIL_ATTRIBUTES)
_SHAPES = 4096
"""Combinations of attributes remembered; a feed sends the same few for ever."""
_Items = Sequence[Mapping[str, Any]]
_Digests = tuple[list[int], list[int]]


@dataclass(frozen=True, slots=True)
class _Shape:
    """How to hash items that have just these attributes, whatever their order: what of them, and seeds of names."""

    hot: Sequence[str]
    hot_seed: int
    details: Sequence[str]
    details_seed: int


@lru_cache(_SHAPES)
def _shape(names: tuple[str, ...]) -> _Shape:
    details = sorted(_DETAILS.intersection(names))
    hot = sorted(set(names) - _DETAILS)
    return _Shape(
        hot,
        xxh3_64_intdigest("\0".join(hot).encode()),
        details,
        xxh3_64_intdigest("\0".join(details).encode()),
    )


@dataclass(slots=True)
class Hashed:
    """Signed 64-bit hashes of items, in their order: of all attributes and values, and of the details (0: none).

    What has the same hash is the same; what is the same may rarely differ (the order of a JSON object's keys).
    `attributes` are the hot ones that any of the items has, in their usual order; `with_details`: whether any has
    details.
    """

    items: list[int]
    details: list[int]
    attributes: tuple[str, ...]
    with_details: bool

    def part(self, numbers: Sequence[int]) -> Hashed:
        """Return the hashes of some of the items."""
        items, details = self.items, self.details
        return Hashed(
            [items[number] for number in numbers],
            [details[number] for number in numbers],
            self.attributes,
            self.with_details,
        )


def hash_all(parts: Iterable[_Items], others: Mapping[int, Mapping[str, Any]] = MappingProxyType({})) -> Hashed:
    """Return the hashes of the items of a window's batches; `others` stand in place of theirs, by number."""
    digests: list[int] = []
    details: list[int] = []
    named: set[str] = set()
    for items in parts:
        table = table_of(items)
        found = _mixed(table, named) if table.absent else _hashes(table.columns, named)
        digests += found[0]
        details += found[1]
    for number, item in others.items():
        (digests[number],), (details[number],) = _hashes(table_of([item]).columns, named)
    attributes = tuple(name for name in HOT_ATTRIBUTES if name in named)
    return Hashed(_signed(digests), _signed(details), attributes, not named.isdisjoint(_DETAILS))


def _mixed(table: Table, named: set[str]) -> _Digests:
    """Return the hashes of items that have not all the same attributes."""
    digests, details = [0] * len(table), [0] * len(table)
    for places, columns in table.shapes():
        for place, digest, own_details in zip(places, *_hashes(columns, named), strict=True):
            digests[place], details[place] = digest, own_details
    return digests, details


def _hashes(columns: Columns, named: set[str]) -> _Digests:
    """Return the hashes of items that are alike, and those of their details; adds the attributes to those `named`."""
    named.update(columns)
    shape = _shape(tuple(columns))
    hot = map(dumps, _rows(columns, shape.hot))
    if not shape.details:
        digests = list(map(xxh3_64_intdigest, hot, repeat(shape.hot_seed)))
        return digests, [0] * len(digests)
    seed = shape.hot_seed
    details = list(map(xxh3_64_intdigest, map(dumps, _rows(columns, shape.details)), repeat(shape.details_seed)))
    return [xxh3_64_intdigest(each, seed ^ own) for each, own in zip(hot, details, strict=True)], details


def _rows(columns: Columns, names: Sequence[str]) -> Iterable[Any]:
    """Return what is hashed of each item: its values, or the value where it is the only one."""
    return columns[names[0]] if len(names) == 1 else zip(*map(columns.__getitem__, names), strict=True)


def _signed(digests: list[int]) -> list[int]:
    return array("q", array("Q", digests).tobytes()).tolist()


def initial(item: Mapping[str, Any], attributes: Sequence[str]) -> dict[str, Any]:
    """Return all of the attributes as a new row has them."""
    return {name: value if (value := item.get(name)) is not None else NULL_MEANS.get(name) for name in attributes}
