"""What a window's compare asks and what a new row begins with; the rules themselves are `schemas.comparison`. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any

from orjson import dumps
from xxhash import xxh3_64_intdigest

from schemas.items import DETAIL_ATTRIBUTES, HOT_ATTRIBUTES, NULL_MEANS
from workers.apply.work import Entry

_DETAILS = frozenset(DETAIL_ATTRIBUTES)
_SIGN, _RANGE = 1 << 63, 1 << 64
_SHAPES = 4096
"""Combinations of attributes remembered; a feed sends the same few for ever."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """How to hash items that have just these attributes, whatever their order: what to take, and seeds of the names."""

    hot: Callable[[Mapping[str, Any]], Any]
    hot_seed: int
    details: Callable[[Mapping[str, Any]], Any] | None
    details_seed: int


@lru_cache(_SHAPES)
def _shape(names: tuple[str, ...]) -> _Shape:
    details = sorted(_DETAILS.intersection(names))
    hot = sorted(set(names) - _DETAILS)
    return _Shape(
        itemgetter(*hot),
        xxh3_64_intdigest("\0".join(hot).encode()),
        itemgetter(*details) if details else None,
        xxh3_64_intdigest("\0".join(details).encode()),
    )


def hashes(item: Mapping[str, Any]) -> tuple[int, int]:
    """Return signed 64-bit hashes of an item's attributes and values, and of its details (0 if it has none).

    What has the same hash is the same; what is the same may rarely differ (the order of a JSON object's keys).
    """
    shape = _shape(tuple(item))
    if shape.details is None:
        digest = xxh3_64_intdigest(dumps(shape.hot(item)), shape.hot_seed)
        return (digest if digest < _SIGN else digest - _RANGE), 0
    details = xxh3_64_intdigest(dumps(shape.details(item)), shape.details_seed)
    digest = xxh3_64_intdigest(dumps(shape.hot(item)), shape.hot_seed ^ details)
    return (digest if digest < _SIGN else digest - _RANGE), (details if details < _SIGN else details - _RANGE)


def attributes_of(entries: Iterable[Entry]) -> tuple[tuple[str, ...], bool]:
    """Return the hot attributes that any of the items has, in their usual order, and whether any has details."""
    named: set[str] = set().union(*[entry.item for entry in entries])
    return tuple(name for name in HOT_ATTRIBUTES if name in named), not named.isdisjoint(_DETAILS)


def initial(item: Mapping[str, Any], attributes: Sequence[str]) -> dict[str, Any]:
    """Return all of the attributes as a new row has them."""
    return {name: _read(name, item.get(name)) for name in attributes}


def _read(name: str, value: Any) -> Any:
    return NULL_MEANS.get(name) if value is None else value
