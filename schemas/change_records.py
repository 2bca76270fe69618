"""How the changes of a batch are stored: in columns, for a window makes thousands of them. Pure.

A body of `events` is a JSON array of groups, one for the changes of each kind:

    [action, details changed, [attribute, …], indexes, ids, external ids, variant ids, previous, old, new, …]

with one `old` and one `new` an attribute. A column is an array of a value each, or the one value that all of them have.
`index` is the item's place in its post or its row in the file, `action` is created, updated, deleted or connected, and
`previous` is where the feed variant's change before this one stands (null: the first that was kept). The attributes are
the hot ones and `variantId`. Older bodies are arrays of a change each:

    [index, id, external id, variant id, action, details changed, previous, attribute, old, new, …]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson


class Group(NamedTuple):
    """Changes of one kind; `columns` have as many values each, in the order of the columns above."""

    action: str
    details_changed: bool
    attributes: Sequence[str]
    columns: Sequence[list[Any]]


@dataclass(frozen=True, slots=True)
class Record:
    """One change; `changes` are attribute, old and new value of each attribute that changed."""

    index: int | None
    feed_variant_id: int
    external_id: str
    variant_id: int | None
    action: str
    details_changed: bool
    previous: int | None
    changes: list[tuple[str, Any, Any]]


def encode(groups: Sequence[Group]) -> bytes:
    """Return the changes of a batch as stored; no group is empty."""
    return orjson.dumps(
        [[group.action, group.details_changed, group.attributes, *map(_column, group.columns)] for group in groups]
    )


def decode(body: bytes) -> list[Record]:
    """Return the changes of a batch, always in the same order. An attribute that stayed null is none of theirs."""
    stored: list[list[Any]] = orjson.loads(body)
    if not stored or not isinstance(stored[0][0], str):
        return [_record(one) for one in stored]
    return [record for group in stored for record in _records(*group)]


def _column(values: list[Any]) -> Any:
    return values[0] if values.count(values[0]) == len(values) else values


def _record(one: list[Any]) -> Record:
    index, id_, external_id, variant_id, action, detailed, previous, *rest = one
    changes = list(zip(rest[::3], rest[1::3], rest[2::3], strict=True))
    return Record(index, id_, external_id, variant_id, action, detailed, previous, changes)


def _records(action: str, details_changed: bool, attributes: Sequence[str], *stored: Any) -> Iterator[Record]:
    size = max(len(column) if isinstance(column, list) else 1 for column in stored)
    columns = [column if isinstance(column, list) else [column] * size for column in stored]
    for index, id_, external_id, variant_id, previous, *values in zip(*columns, strict=True):
        changed = zip(attributes, values[::2], values[1::2], strict=True)
        changes = [(name, old, new) for name, old, new in changed if old is not None or new is not None]
        yield Record(index, id_, external_id, variant_id, action, details_changed, previous, changes)
