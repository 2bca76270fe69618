"""What the compare returned, a column each: lines whose stored hash differs. Most of them only change a few numbers.

Such a line is written out of the columns it was read in and never becomes an object, nor does a new one
(`workers.apply.inserts`). The others do: those whose details differ, and those whose SKU or barcode changes, by which
they may connect. Pure.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from operator import itemgetter, ne, or_
from typing import Any

from schemas import comparison
from workers.apply.admit import charge, is_free
from workers.apply.compare import Hashed
from workers.apply.sheet import Sheet
from workers.apply.work import Work

_CONNECTING = ("vendorSku", "barcode")
_number = itemgetter(0)


@dataclass(frozen=True, slots=True)
class Updates:
    """Rows that change some hot attributes and nothing else, a column each; `charged` holds their marks as charged.

    `places` are their lines in the sheet, `columns` the attributes that some of them change, as all of them hold them
    then. `wanted` tells how many have to be charged, by a work of the account's day.
    """

    places: Sequence[int]
    ids: Sequence[int]
    ctids: Sequence[str]
    columns: Mapping[str, Sequence[Any]]
    charged: Sequence[int] | None
    wanted: Sequence[tuple[Work, int]]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.places)


NONE = Updates((), (), (), {}, None, ())


class Differing:
    """The lines of a sheet that differ, in its order, and their rows (of the new ones all columns but `n` are null)."""

    def __init__(self, sheet: Sheet, hashed: Hashed, rows: Sequence[Any]) -> None:
        self.sheet = sheet
        self.hashed = hashed
        self.rows = sorted(rows, key=_number)
        self.places = [row[0] - 1 for row in self.rows]

    def updates(self) -> Updates:
        """Return the rows that can be written from columns; none where a feed has batches of two days."""
        days = days_of(self.sheet.works)
        if not self.rows or days is None:
            return NONE
        columns = dict(zip(self.rows[0].keys(), zip(*self.rows, strict=True), strict=True))
        places = self.places
        known = self._known(columns)
        if not all(known):
            places = list(compress(places, known))
            columns = {name: tuple(compress(column, known)) for name, column in columns.items()}
        stored = {name: columns[name] for name in self.hashed.attributes}
        changed = comparison.changed_columns(lambda name: self.sheet.values(name, places), stored)
        keep = _only_counts(changed, stored, len(places))
        if not all(keep):
            places = list(compress(places, keep))
            columns = {name: tuple(compress(column, keep)) for name, column in columns.items()}
            changed = {name: list(compress(column, keep)) for name, column in changed.items()}
        if not places:
            return NONE
        written = {name: new for name, new in changed.items() if new != list(columns[name])}
        charged, wanted = self._charged(places, columns["charged"], days)
        return Updates(places, columns["id"], columns["place"], written, charged, wanted)

    def new_places(self) -> list[int]:
        """Return the lines that have no row."""
        return [row[0] - 1 for row in self.rows if row[1] is None]

    def _known(self, columns: Mapping[str, Sequence[Any]]) -> list[bool]:
        """Tell which lines have a row, and no other details than it."""
        known = [row_id is not None for row_id in columns["id"]]
        if self.hashed.with_details:
            own = self.hashed.details
            known = [
                is_known and own[place] in (0, held)
                for is_known, place, held in zip(known, self.places, columns["details_hash"], strict=True)
            ]
        return known

    def _charged(
        self, places: Sequence[int], marks: Sequence[int], days: Mapping[int, Work]
    ) -> tuple[list[int] | None, list[tuple[Work, int]]]:
        """Return the marks as they are once charged (None: they stay), and how many of them want to be charged."""
        charged: list[int] = []
        wanted = []
        begin = last = 0
        for feed, lines in self.sheet.spans:
            last += lines
            end = bisect_left(places, last, begin)
            if end > begin:
                work, own = days[feed.id], marks[begin:end]
                free = {mark: is_free(mark, work.ordinal) for mark in set(own)}
                if not all(free.values()):
                    wanted.append((work, sum(not free[mark] for mark in own)))
                after = {mark: mark if free[mark] else charge(mark, work.ordinal) for mark in free}
                charged += [after[mark] for mark in own]
            begin = end
        return (charged if wanted else None), wanted


def days_of(works: Sequence[Work]) -> dict[int, Work] | None:
    """Return a work of each feed, for its day; None where a feed has batches of two."""
    days: dict[int, Work] = {}
    for work in works:
        if days.setdefault(work.feed.id, work).ordinal != work.ordinal:
            return None
    return days


def _only_counts(changed: Mapping[str, Sequence[Any]], stored: Mapping[str, Sequence[Any]], size: int) -> list[bool]:
    """Tell which rows change an attribute, and none by which they may connect."""
    some, connecting = [False] * size, [False] * size
    for name, new in changed.items():
        differ = list(map(ne, new, stored[name]))
        if name in _CONNECTING:
            connecting = list(map(or_, connecting, differ))
        else:
            some = differ if not any(some) else list(map(or_, some, differ))
    return [each and not other for each, other in zip(some, connecting, strict=True)] if any(connecting) else some
