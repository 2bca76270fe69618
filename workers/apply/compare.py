"""What a window's compare asks and what a new row begins with; the rules themselves are `schemas.comparison`. Pure."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from operator import itemgetter
from typing import Any

from orjson import dumps
from xxhash import xxh3_64_intdigest

from schemas.items import DETAIL_ATTRIBUTES, HOT_ATTRIBUTES, NULL_MEANS

_DETAILS = frozenset(DETAIL_ATTRIBUTES)
_SHAPES = 4096
"""Combinations of attributes remembered; a feed sends the same few for ever."""
_Taking = Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class _Shape:
    """How to hash items that have just these attributes, whatever their order: what to take, and seeds of the names."""

    hot: _Taking
    hot_seed: int
    details: _Taking | None
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


def hash_all(items: Sequence[Mapping[str, Any]]) -> Hashed:
    """Return the hashes of a window's items."""
    shapes = list(map(tuple, items))
    kinds = set(shapes)
    named = set().union(*kinds)
    if len(kinds) == 1:  # a feed's items are alike
        digests, details = _hashes(_shape(shapes[0]), items)
    else:
        digests, details = [0] * len(items), [0] * len(items)
        for kind in kinds:
            places = [place for place, names in enumerate(shapes) if names == kind]
            found = _hashes(_shape(kind), [items[place] for place in places])
            for place, digest, own_details in zip(places, *found, strict=True):
                digests[place], details[place] = digest, own_details
    attributes = tuple(name for name in HOT_ATTRIBUTES if name in named)
    return Hashed(_signed(digests), _signed(details), attributes, not named.isdisjoint(_DETAILS))


def _hashes(shape: _Shape, items: Sequence[Mapping[str, Any]]) -> tuple[list[int], list[int]]:
    """Return the hashes of items of one shape, and those of their details."""
    hot, seed = map(dumps, map(shape.hot, items)), shape.hot_seed
    if shape.details is None:
        return list(map(xxh3_64_intdigest, hot, repeat(seed))), [0] * len(items)
    written = map(dumps, map(shape.details, items))
    details = list(map(xxh3_64_intdigest, written, repeat(shape.details_seed)))
    return [xxh3_64_intdigest(each, seed ^ own) for each, own in zip(hot, details, strict=True)], details


def _signed(digests: list[int]) -> list[int]:
    return array("q", array("Q", digests).tobytes()).tolist()


def initial(item: Mapping[str, Any], attributes: Sequence[str]) -> dict[str, Any]:
    """Return all of the attributes as a new row has them."""
    return {name: value if (value := item.get(name)) is not None else NULL_MEANS.get(name) for name in attributes}
