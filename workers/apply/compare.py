"""Decide what an item would change of what is stored. Pure: rows come in as read, decisions go out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from xxhash import xxh3_64_intdigest

from schemas.items import DETAIL_ATTRIBUTES, HOT_ATTRIBUTES, NULL_MEANS
from workers.apply.work import Entry

NO_DETAILS = 0
"""The details hash of a row whose items never had details."""
FIRST_COLUMN = 5
"""The hot attributes stand in a row of the compare from here on, after n, id, ctid, details_hash, charged."""

_DETAILS = frozenset(DETAIL_ATTRIBUTES)
_SIGN, _RANGE = 1 << 63, 1 << 64


def content_hash(item: Mapping[str, Any]) -> int:
    """Return a signed 64-bit hash of an item's attributes and values, whatever their order."""
    digest = xxh3_64_intdigest(orjson.dumps(item, option=orjson.OPT_SORT_KEYS))
    return digest if digest < _SIGN else digest - _RANGE


def attributes_of(entries: Iterable[Entry]) -> tuple[tuple[str, ...], bool]:
    """Return the hot attributes that any of the items has, in their usual order, and whether any has details."""
    named: set[str] = set().union(*(entry.item for entry in entries))
    return tuple(name for name in HOT_ATTRIBUTES if name in named), not named.isdisjoint(_DETAILS)


def compare_hot(entry: Entry, attributes: Sequence[str]) -> None:
    """Fill in the entry's `changes`: hot attributes whose value in the item is not what the row holds."""
    item, row = entry.item, entry.row
    if row is None:
        entry.changes = {name: _read(name, item.get(name)) for name in attributes}
        return
    entry.changes = {
        name: value
        for column, name in enumerate(attributes, FIRST_COLUMN)
        if name in item and (value := _read(name, item[name])) != row[column]
    }


def details_of(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of an item that are stored as details."""
    return {name: value for name, value in item.items() if name in _DETAILS}


def compare_details(entry: Entry, sent: Mapping[str, Any], stored: Mapping[str, Any]) -> None:
    """Fill in the entry's `details` if what was `sent` differs from what is `stored`; an absent one is null."""
    merged = dict(stored)
    for name, value in sent.items():
        if value is None or value == NULL_MEANS.get(name):
            merged.pop(name, None)
        else:
            merged[name] = value
    if merged != stored or not _same_json(merged, stored):
        entry.details = merged


def _read(name: str, value: Any) -> Any:
    return NULL_MEANS.get(name) if value is None else value


def _same_json(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """Return whether two details are the same JSON too: Python holds 1, 1.0 and true for equal."""
    option = orjson.OPT_SORT_KEYS
    return orjson.dumps(left, option=option) == orjson.dumps(right, option=option)
