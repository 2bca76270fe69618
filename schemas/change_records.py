"""How the changes of a batch are stored: in columns, for a window makes thousands of them. Pure.

A body of `events` is a JSON array of groups, one for the changes of each kind:

    [action, details changed, [attribute, …], indexes, ids, external ids, variant ids, previous, old, new, …]

with one `old` and one `new` an attribute. A column is an array of a value each, or the one value that all of them have.
`index` is the item's place in its post or its row in the file, `action` is created, updated, deleted or connected, and
`previous` is where the feed variant's change before this one stands (null: the first that was kept). The attributes are
the hot ones and `variantId`. What is told of a change is a record:

    [index, feed variant id, external id, variant id, action, details changed, previous, attribute, old, new, …]

Older bodies are arrays of records.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson


class Group(NamedTuple):
    """Changes of one kind; `columns` have as many values each, in the order of the columns above."""

    action: str
    details_changed: bool
    attributes: Sequence[str]
    columns: Sequence[list[Any]]


def encode(groups: Sequence[Group]) -> bytes:
    """Return the changes of a batch as stored; no group is empty."""
    return orjson.dumps(
        [[group.action, group.details_changed, group.attributes, *map(_column, group.columns)] for group in groups]
    )


def decode(body: bytes) -> list[list[Any]]:
    """Return the records of a batch, always in the same order. An attribute that stayed null is none of them."""
    stored: list[list[Any]] = orjson.loads(body)
    if not stored or not isinstance(stored[0][0], str):
        return stored
    return [record for group in stored for record in _records(*group)]


def _column(values: list[Any]) -> Any:
    return values[0] if values.count(values[0]) == len(values) else values


def _records(action: str, details_changed: bool, attributes: Sequence[str], *stored: Any) -> list[list[Any]]:
    size = max(len(column) if isinstance(column, list) else 1 for column in stored)
    columns = [column if isinstance(column, list) else [column] * size for column in stored]
    records = []
    for index, id_, external_id, variant_id, previous, *values in zip(*columns, strict=True):
        record = [index, id_, external_id, variant_id, action, details_changed, previous]
        for name, old, new in zip(attributes, values[::2], values[1::2], strict=True):
            if old is not None or new is not None:
                record += (name, old, new)
        records.append(record)
    return records
