"""Items as columns, a list of values an attribute: so a message carries them, each attribute named once.

Most posts hold items that all have the same attributes, and those stay columns (`Alike`) for as long as nothing
changes. Whoever wants items gets dicts, each made when it is asked for; whoever goes through all values of an
attribute, as a worker does with what changes nothing, never makes one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, overload

from schemas.items import KEY

Columns = Mapping[str, list[Any]]
"""Attribute → its values, an item each. All are as long as the key's, which is there."""
Absent = Mapping[str, list[int]]
"""Attribute → the places of items that do not have it; what its column holds there means nothing."""
_key = itemgetter(KEY)
_LISTS, _TEXTS, _NUMBERS = {list}, {str}, {int}


class Alike(Sequence[dict[str, Any]]):
    """The items of some columns, to be read alone."""

    __slots__ = ("columns",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, columns: Columns) -> None:
        self.columns = columns

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self.columns[KEY])

    @overload
    def __getitem__(self, place: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, place: slice) -> Alike: ...
    def __getitem__(self, place: int | slice) -> dict[str, Any] | Alike:
        """Return a new dict of one item, or some of them."""
        part: Any = {name: values[place] for name, values in self.columns.items()}
        return Alike(part) if isinstance(place, slice) else part

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield a new dict of each item."""
        names = tuple(self.columns)
        return (dict(zip(names, values, strict=True)) for values in zip(*self.columns.values(), strict=True))

    def __eq__(self, other: object) -> bool:
        """Return whether others are the same items, however they are held."""
        return isinstance(other, list | Alike) and list(self) == list(other)

    def __repr__(self) -> str:
        """Return the items."""
        return f"Alike({list(self)!r})"


def columns_of(items: Sequence[Mapping[str, Any]]) -> tuple[Columns, Absent]:
    """Return items as columns, and which of their values stand for an attribute that an item does not have."""
    if isinstance(items, Alike):
        return items.columns, {}
    names = dict.fromkeys(chain((KEY,), *items))
    absent = {}
    columns = {}
    for name in names:
        try:
            columns[name] = list(map(itemgetter(name), items))
        except KeyError:
            columns[name] = [item.get(name) for item in items]
            absent[name] = [place for place, item in enumerate(items) if name not in item]
    return columns, absent


def items_of(columns: Columns, absent: Absent) -> Sequence[dict[str, Any]]:
    """Return what was made columns; raises IndexError or KeyError where `absent` names a value that is not there."""
    alike = Alike(columns)
    if not absent:
        return alike
    items = list(alike)
    for name, places in absent.items():
        for place in places:
            del items[place][name]
    return items


def external_ids(items: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the keys of items."""
    return items.columns[KEY] if isinstance(items, Alike) else list(map(_key, items))


def are_columns(columns: Any, absent: Any) -> bool:
    """Return whether these, out of JSON, are `Columns` and `Absent`, of items with an external id each."""
    return (
        columns.__class__ is dict
        and _LISTS.issuperset(map(type, columns.values()))
        and _TEXTS.issuperset(map(type, columns[KEY]))
        and len(set(map(len, columns.values()))) == 1
        and absent.__class__ is dict
        and KEY not in absent
        and all(
            places.__class__ is list and _NUMBERS.issuperset(map(type, places)) and min(places, default=0) >= 0
            for places in absent.values()
        )
    )
