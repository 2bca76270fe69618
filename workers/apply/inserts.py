"""New rows out of the columns of their items: they never become objects either, unless something more is asked. Pure.

Asked more is of windows that are decided within their transaction, and where not everything fits into a day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from schemas.comparison import ABSENT
from schemas.items import DETAIL_ATTRIBUTES, NULL_MEANS
from workers.apply.admit import charge
from workers.apply.compare import Hashed
from workers.apply.connect import Lines
from workers.apply.differing import Differing, days_of
from workers.apply.sheet import Items, Sheet
from workers.apply.work import Work

_NEVER_CHARGED = 0


@dataclass(frozen=True, slots=True)
class Inserts:
    """New rows, a column each, `marks` as charged; they are all lines of `sheet`, the `places` of the window's.

    `columns` are their hot attributes, `details` the JSON of the others (None: they have none), `lines` what they may
    connect by. `wanted` tells how many have to be charged, by a work of the account's day.
    """

    places: Sequence[int]
    sheet: Sheet
    hashed: Hashed
    columns: Mapping[str, Sequence[Any]]
    details: Sequence[str | None]
    marks: Sequence[int]
    lines: Lines
    wanted: Sequence[tuple[Work, int]]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.places)


NONE = Inserts((), Sheet(Items(()), (), [], {}), Hashed([], [], (), with_details=False), {}, (), (), Lines((), {}), ())


def inserts_of(found: Differing) -> Inserts:
    """Return the rows that are new; none where a feed has batches of two days."""
    places = found.new_places()
    days = days_of(found.sheet.works)
    if not places or days is None:
        return NONE
    sheet, hashed = found.sheet, found.hashed
    if len(places) < len(sheet):
        sheet, hashed = sheet.part(places), hashed.part(places)
    columns = {name: _begun(name, sheet.values(name)) for name in hashed.attributes}
    details = _details(sheet) if hashed.with_details else [None] * len(sheet)
    wanted = [(days[feed.id], lines) for feed, lines in sheet.spans]
    marks: list[int] = []
    for work, lines in wanted:
        marks += [charge(_NEVER_CHARGED, work.ordinal)] * lines
    return Inserts(places, sheet, hashed, columns, details, marks, Lines(sheet.spans, columns), wanted)


def _begun(name: str, values: Sequence[Any]) -> Sequence[Any]:
    """Return the values of a hot attribute as new rows have them."""
    if ABSENT in values or None in values:
        meant = NULL_MEANS.get(name)
        return [meant if value is None or value is ABSENT else value for value in values]
    return values


def _details(sheet: Sheet) -> list[str | None]:
    """Return the JSON of each line's details, by the rule of `comparison.details_over`: what null means is absent."""
    sent = sheet.names()
    columns = {name: sheet.values(name) for name in DETAIL_ATTRIBUTES if name in sent}
    names = tuple(columns)
    some = zip(*columns.values(), strict=True)
    if any(_lacks(name, values) for name, values in columns.items()):
        return [_json(_told(names, values)) for values in some]
    return [_json(dict(zip(names, values, strict=True))) for values in some]


def _lacks(name: str, values: Sequence[Any]) -> bool:
    return ABSENT in values or None in values or NULL_MEANS.get(name) in values


def _told(names: Iterable[str], values: Iterable[Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in zip(names, values, strict=True)
        if value is not ABSENT and value is not None and value != NULL_MEANS.get(name)
    }


def _json(details: Mapping[str, Any]) -> str | None:
    return orjson.dumps(details).decode() if details else None
