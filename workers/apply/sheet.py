"""All that a window asks of feed variants, a column each: most of it changes nothing and never becomes an object."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain, groupby
from typing import Any

from schemas.comparison import ABSENT
from schemas.outcomes import Outcome
from schemas.tables import Table, external_ids
from workers.apply.arrays import texts
from workers.apply.compare import Hashed, hash_all
from workers.apply.work import Entry, Feed, Work

Spans = list[tuple[Feed, int]]
"""Feeds in the order of their keys, each with its number of lines."""


class Items:
    """All items of a window's batches, one behind the other in the window's order, as their batches have them.

    `others` are those that are so no more, by their number: merged ones, and those with something deferred in them.
    """

    def __init__(self, works: Sequence[Work]) -> None:
        self.works = works
        self.starts: list[int] = []
        self.ids: list[str] = []
        self.others: dict[int, dict[str, Any]] = {}
        for work in works:
            self.starts.append(len(self.ids))
            self.ids += external_ids(work.batch.items)

    def item(self, number: int) -> dict[str, Any]:
        """Return one item."""
        other = self.others.get(number)
        if other is not None:
            return other
        work, slot = self.origin(number)
        return work.batch.items[slot]

    def values(self, name: str) -> list[Any]:
        """Return the values of an attribute; `ABSENT` of items that do not have it."""
        values: list[Any] = []
        for work in self.works:
            items = work.batch.items
            if isinstance(items, Table):
                values += items.values(name, ABSENT)
            else:
                values += [item.get(name, ABSENT) for item in items]
        for number, item in self.others.items():
            values[number] = item.get(name, ABSENT)
        return values

    def names(self) -> set[str]:
        """Return the attributes that some item has."""
        names = set(chain.from_iterable(self.others.values()))
        for work in self.works:
            items = work.batch.items
            names.update(items.columns if isinstance(items, Table) else chain.from_iterable(items))
        return names

    def origin(self, number: int) -> tuple[Work, int]:
        """Return the batch of an item and its place there."""
        at = bisect_right(self.starts, number) - 1
        return self.works[at], number - self.starts[at]

    def end(self, numbers: Sequence[int], outcome: Outcome) -> None:
        """Write the outcome of items that end without a note."""
        numbers = sorted(numbers)
        at = 0
        for work, start in zip(self.works, self.starts, strict=True):
            size = len(work.outcomes)
            begin, at = at, bisect_left(numbers, start + size, at)
            if at - begin == size:
                work.outcomes[:] = [outcome] * size
            else:
                for number in numbers[begin:at]:
                    work.outcomes[number - start] = outcome


class Sheet:
    """One line a feed variant, sorted by the full key; `entries` makes objects of lines.

    `lines` are numbers of `of`'s items: each the last one that names its feed variant; `firsts` tells which named it
    first, where that is another one. Lines that `waited` have something deferred in their items.
    """

    def __init__(self, of: Items, lines: Sequence[int], spans: Spans, firsts: Mapping[int, int]) -> None:
        self.spans = spans
        self.ids = [of.ids[line] for line in lines]
        self.waited: set[int] = set()
        self._of = of
        self._lines = lines
        self._firsts = firsts

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self._lines)

    @property
    def told(self) -> bool:
        """Whether some account of the window keeps events."""
        return self._of.works[0].told

    def entries(self, places: Iterable[int] | None = None) -> list[Entry]:
        """Return the lines at some places, or all, as objects."""
        of, lines, ids, firsts = self._of, self._lines, self.ids, self._firsts
        entries = []
        for place in range(len(self)) if places is None else places:
            line = lines[place]
            entry = Entry(*of.origin(line), ids[place], of.item(line), firsts.get(line, line))
            if line in self.waited:
                entry.was_deferred = True
            entries.append(entry)
        return entries

    @property
    def works(self) -> Sequence[Work]:
        """The works of the window."""
        return self._of.works

    def end(self, places: Iterable[int], outcome: Outcome) -> None:
        """Write the outcome of the lines at some places, each without a note."""
        self._of.end([self._lines[place] for place in places], outcome)

    def keys(self) -> tuple[str, str, str]:
        """Return the full keys as three parameters."""
        accounts = "".join([f"{feed.account_id}," * lines for feed, lines in self.spans])
        feeds = "".join([f"{feed.id}," * lines for feed, lines in self.spans])
        return "{" + accounts[:-1] + "}", "{" + feeds[:-1] + "}", texts(self.ids)

    def values(self, name: str, places: Iterable[int] | None = None) -> list[Any]:
        """Return the values of an attribute at some places, or all; `ABSENT` where the item does not have it."""
        values, lines = self._of.values(name), self._lines
        if places is None:
            return [values[line] for line in lines]
        return [values[lines[place]] for place in places]

    def names(self) -> set[str]:
        """Return the attributes that some item of the window has."""
        return self._of.names()

    def warn(self, place: int, warning: dict[str, Any]) -> None:
        """Add a warning to the receipt's line of the item that carries a line's outcome."""
        work, slot = self._of.origin(self._lines[place])
        work.warn(slot, warning)

    def hashed(self) -> Hashed:
        """Return the hashes of the lines' items."""
        return hash_all([work.batch.items for work in self.works], self._of.others).part(self._lines)

    def where_deferred(self) -> list[int]:
        """Return the places of lines whose feeds have deferred items."""
        return [place for place, feed in enumerate(self._feeds()) if feed.has_deferred]

    def put_under(self, place: int, deferred: Mapping[str, Any]) -> None:
        """Put what was deferred for a line's feed variant under its item."""
        line = self._lines[place]
        self._of.others[line] = {**deferred, **self._of.item(line)}
        self.waited.add(line)

    def done(self, left: Collection[Entry]) -> Sheet:
        """Return the lines that had something deferred and are not `left` so."""
        if not self.waited:
            return self.part(())
        named = {entry.place for entry in left}
        lines = self._lines
        return self.part(
            place
            for place, line in enumerate(lines)
            if line in self.waited and self._firsts.get(line, line) not in named
        )

    def part(self, places: Iterable[int]) -> Sheet:
        """Return the lines at some places, in their order."""
        wanted = list(places)
        feeds = self._feeds() if wanted else []
        spans = [(feed, len(list(group))) for feed, group in groupby(wanted, key=feeds.__getitem__)]
        found = Sheet(self._of, [self._lines[place] for place in wanted], spans, self._firsts)
        found.waited = self.waited
        return found

    def _feeds(self) -> list[Feed]:
        return [feed for feed, lines in self.spans for _ in range(lines)]
