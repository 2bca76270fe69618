"""What an item would change of what is stored: the rules by which the road writes and a diff predicts it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import orjson

from schemas.items import DETAIL_ATTRIBUTES, HOT_ATTRIBUTES, NULL_MEANS

_DETAILS = frozenset(DETAIL_ATTRIBUTES)
ABSENT: Any = object()
"""Stands in a column for an item that does not have the attribute."""


def changes_of(item: Mapping[str, Any], row: Mapping[str, Any], attributes: Iterable[str]) -> dict[str, Any]:
    """Return the hot attributes whose value in the item is not what the row holds, with what they become.

    The row's columns have the attributes' names.
    """
    return changes_of_each([item], [row], attributes)[0]


def changes_of_each(
    items: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]], attributes: Iterable[str]
) -> list[dict[str, Any]]:
    """Return `changes_of` each item and its row."""
    stored = {name: [row[name] for row in rows] for name in attributes}
    changes: list[dict[str, Any]] = [{} for _ in items]
    for name, values in changed_columns(lambda name: _values(items, name), stored).items():
        for found, new, old in zip(changes, values, stored[name], strict=True):
            if new != old:
                found[name] = new
    return changes


def changed_columns(sent: Callable[[str], list[Any]], stored: Mapping[str, Sequence[Any]]) -> dict[str, Sequence[Any]]:
    """Return, of each hot attribute that some item changes, what all the rows hold then.

    `sent` returns the items' values of an attribute, `stored` are the rows' by attribute, in the order of their items.
    What nobody changes costs the compare of two lists.
    """
    changed: dict[str, Sequence[Any]] = {}
    for name, old in stored.items():
        new = sent(name)
        if new == list(old):
            continue
        if ABSENT in new or None in new:
            meant = NULL_MEANS.get(name)
            new = [
                held if value is ABSENT else meant if value is None else value
                for value, held in zip(new, old, strict=True)
            ]
            if new == list(old):
                continue
        changed[name] = new
    return changed


def _values(items: Sequence[Mapping[str, Any]], name: str) -> list[Any]:
    try:
        return list(map(itemgetter(name), items))
    except KeyError:
        return [item.get(name, ABSENT) for item in items]


def details_over(stored: dict[str, Any], item: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return an item's details merged over what is stored, an attribute that is null being absent; None: no change."""
    merged = dict(stored)
    for name, value in item.items():
        if name in _DETAILS:
            if value is None or value == NULL_MEANS.get(name):
                merged.pop(name, None)
            else:
                merged[name] = value
    return None if merged == stored and _same_json(merged, stored) else merged


def differences(item: Mapping[str, Any], row: Mapping[str, Any], details: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """Return attribute, stored and new value of all that an item would change of a row and its stored details.

    The row has all hot attributes, by their names.
    """
    changes = changes_of(item, row, HOT_ATTRIBUTES)
    found = [(name, row[name], value) for name, value in changes.items()]
    merged = details_over(details, item)
    if merged is not None:
        for name in item:
            before, after = (held.get(name, NULL_MEANS.get(name)) for held in (details, merged))
            if name in _DETAILS and (before != after or not _same_json({name: before}, {name: after})):
                found.append((name, before, after))
    return found


def _same_json(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """Return whether two details are the same JSON too: Python holds 1, 1.0 and true for equal."""
    option = orjson.OPT_SORT_KEYS
    return orjson.dumps(left, option=option) == orjson.dumps(right, option=option)
