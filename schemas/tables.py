"""Items as columns, a list of values an attribute: so a message carries them, each attribute named once.

Whoever wants items gets dicts, each made when it is asked for; whoever goes through all values of an attribute, as a
worker does with what changes nothing, never makes one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from types import MappingProxyType
from typing import Any, Final, overload

from schemas.items import KEY

Columns = Mapping[str, Sequence[Any]]
"""Attribute → its values, an item each. All are as long as the key's, which is there."""
Absent = Mapping[str, Sequence[int]]
"""Attribute → the places of items that do not have it; what its column holds there means nothing."""
_NONE: Final[Absent] = MappingProxyType({})
_key = itemgetter(KEY)
_LISTS, _TEXTS = {list}, {str}


class Table(Sequence[dict[str, Any]]):
    """Items, to be read alone; most have all of the attributes."""

    __slots__ = ("absent", "columns")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, columns: Columns, absent: Absent = _NONE) -> None:
        self.columns = columns
        self.absent = absent

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self.columns[KEY])

    @overload
    def __getitem__(self, place: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, place: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, place: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        """Return a new dict of one item, or of some."""
        if isinstance(place, slice):
            return list(self)[place]
        at = range(len(self))[place]
        item = {name: values[at] for name, values in self.columns.items()}
        for name, places in self.absent.items():
            if at in places:
                del item[name]
        return item

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield a new dict of each item."""
        names = tuple(self.columns)
        items = (dict(zip(names, values, strict=True)) for values in zip(*self.columns.values(), strict=True))
        if not self.absent:
            return items
        held = list(items)
        for name, places in self.absent.items():
            for place in places:
                del held[place][name]
        return iter(held)

    def __eq__(self, other: object) -> bool:
        """Return whether others are the same items, however they are held."""
        return isinstance(other, list | Table) and list(self) == list(other)

    def __repr__(self) -> str:
        """Return the items."""
        return f"Table({list(self)!r})"

    def values(self, name: str, lacking: Any) -> Sequence[Any]:
        """Return the values of an attribute; `lacking` of items that do not have it."""
        values = self.columns.get(name)
        if values is None:
            return [lacking] * len(self)
        if name in self.absent:
            values = list(values)
            for place in self.absent[name]:
                values[place] = lacking
        return values

    def shapes(self) -> Iterator[tuple[Sequence[int], Columns]]:
        """Yield the places and the columns of items that have the same attributes, until all are told."""
        if not self.absent:
            yield range(len(self)), self.columns
            return
        lacks: list[list[str]] = [[] for _ in range(len(self))]
        for name, places in self.absent.items():
            for place in places:
                lacks[place].append(name)
        alike: dict[tuple[str, ...], list[int]] = {}
        for place, names in enumerate(lacks):
            alike.setdefault(tuple(names), []).append(place)
        for lacking, own in alike.items():
            named = self.columns.keys() - lacking
            take = itemgetter(*own) if len(own) > 1 else lambda values, at=own[0]: (values[at],)
            yield own, {name: take(self.columns[name]) for name in self.columns if name in named}


def table_of(items: Sequence[Mapping[str, Any]]) -> Table:
    """Return items as a table, which they may be already."""
    if isinstance(items, Table):
        return items
    absent = {}
    columns = {}
    for name in dict.fromkeys(chain((KEY,), *items)):
        try:
            columns[name] = list(map(itemgetter(name), items))
        except KeyError:
            columns[name] = [item.get(name) for item in items]
            absent[name] = [place for place, item in enumerate(items) if name not in item]
    return Table(columns, absent)


def external_ids(items: Sequence[Mapping[str, Any]]) -> Sequence[str]:
    """Return the keys of items."""
    return items.columns[KEY] if isinstance(items, Table) else list(map(_key, items))


def is_table(columns: Any, absent: Mapping[str, list[int]]) -> bool:
    """Return whether these, out of JSON, are `Columns` and `Absent`, of items with an external id each."""
    return (
        columns.__class__ is dict
        and _LISTS.issuperset(map(type, columns.values()))
        and _TEXTS.issuperset(map(type, columns.get(KEY, (None,))))
        and len(set(map(len, columns.values()))) == 1
        and (not absent or _are_absent(absent, columns))
    )


def _are_absent(absent: Mapping[str, list[int]], columns: Columns) -> bool:
    if KEY in absent or not absent.keys() <= columns.keys():
        return False
    return all(_are_places(places, len(columns[KEY])) for places in absent.values())


def _are_places(places: list[int], size: int) -> bool:
    return len(set(places)) == len(places) and min(places, default=0) >= 0 and max(places, default=0) < size
