"""What a window's compare asks and what a new row begins with; the rules themselves are `schemas.comparison`. Pure."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any

from orjson import dumps
from xxhash import xxh3_64_intdigest

from schemas.items import DETAIL_ATTRIBUTES, HOT_ATTRIBUTES, NULL_MEANS

_DETAILS = frozenset(DETAIL_ATTRIBUTES)
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


def hash_all(items: Iterable[Mapping[str, Any]]) -> Hashed:
    """Return the hashes of a window's items."""
    digests: list[int] = []
    details: list[int] = []
    named: set[str] = set()
    names: tuple[str, ...] = ()
    for item in items:
        own = tuple(item)
        if own != names:  # a feed's items are alike
            names, shape = own, _shape(own)
            hot_of, hot_seed, details_of, details_seed = shape.hot, shape.hot_seed, shape.details, shape.details_seed
            named.update(own)
        own_details = 0
        if details_of is not None:
            own_details = xxh3_64_intdigest(dumps(details_of(item)), details_seed)
        digests.append(xxh3_64_intdigest(dumps(hot_of(item)), hot_seed ^ own_details))
        details.append(own_details)
    attributes = tuple(name for name in HOT_ATTRIBUTES if name in named)
    return Hashed(_signed(digests), _signed(details), attributes, not named.isdisjoint(_DETAILS))


def _signed(digests: list[int]) -> list[int]:
    return array("q", array("Q", digests).tobytes()).tolist()


def initial(item: Mapping[str, Any], attributes: Sequence[str]) -> dict[str, Any]:
    """Return all of the attributes as a new row has them."""
    return {name: _read(name, item.get(name)) for name in attributes}


def _read(name: str, value: Any) -> Any:
    return NULL_MEANS.get(name) if value is None else value
