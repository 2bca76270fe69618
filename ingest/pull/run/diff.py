"""What a parsed file would change of what is stored, before anything is published: numbers, examples, and every item.

The compare is the road's own (`schemas.comparison`), so that what is shown is what would happen. The file's items go
into a temporary table by COPY and come back joined and in order, a page at a time: memory stays small.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import asyncpg
import orjson

from ingest.pull.run.cleanup import copy_seen
from ingest.pull.run.file.part_files import Spooled
from ingest.pull.run.store import Run, Store
from schemas import queries
from schemas.comparison import differences
from schemas.usage import is_charged, zone

DIFF = queries.load("diff", beside=__file__)
EXAMPLES = 250
"""Items of each kind that the summary shows; the list has them all."""
_PAGE = 500
_PRICES = frozenset(("costPrice", "retailPrice", "compareAtPrice"))
_MOVED = Decimal("0.5")

Change = tuple[str, Any, Any]
"""Attribute, stored value, new value."""


@dataclass(slots=True)
class Tally:
    """Counts items in; pure. `day` is the account's today, as an ordinal: what it was charged already costs no more."""

    day: int
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("created", "changed", "unchanged", "zeroed", "emptied", "repriced"), 0)
    )
    examples: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    units: int = 0
    """Units after minus units before."""
    cost: int = 0

    def add(self, kind: str, external_id: str, changes: Sequence[Change], charged: int) -> None:
        """Count one item: `created`, `changed`, `unchanged` or `zeroed`, with its charge mark."""
        self._count(kind, external_id, changes)
        if kind == "unchanged":
            return
        self.cost += not is_charged(charged, self.day)
        for name, before, after in changes:
            if name == "inventoryQuantity":
                self.units += (after or 0) - (before or 0)
                if (before or 0) > 0 >= (after or 0):
                    self._count("emptied", external_id, changes)
        if any(_moved(before, after) for name, before, after in changes if name in _PRICES):
            self._count("repriced", external_id, changes)

    def _count(self, kind: str, external_id: str, changes: Sequence[Change]) -> None:
        self.counts[kind] += 1
        shown = self.examples.setdefault(kind, [])
        if len(shown) < EXAMPLES:
            told = [{"field": name, "stored": before, "new": after} for name, before, after in changes]
            shown.append({"externalId": external_id, "changes": told})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a diff is made of, beside the run and its file."""

    time_zone: str
    """The account's: tells which day the limit is of."""
    zeroes: bool
    """Whether missing items would get quantity 0."""
    gone: int
    note: str | None


async def make_diff(store: Store, run: Run, spooled: Spooled, wanted: Wanted) -> None:
    """Compare a run's file with what is stored, and keep what came out of it with the run."""

    async def work(connection: asyncpg.Connection) -> None:
        await _copy_items(connection, spooled)
        await copy_seen(connection, spooled)
        await DIFF.clear_diff(connection, run_id=run.id)
        units = await DIFF.units_stored(connection, account_id=run.account_id, feed_id=run.feed_id)
        day = (await DIFF.now(connection)).astimezone(zone(wanted.time_zone)).date()
        limit = await DIFF.limit_of(connection, account_id=run.account_id, day=day)
        tally = Tally(day.toordinal())
        position = 0
        async for entries in _entries(connection, run, tally, zeroes=wanted.zeroes):
            packed = await asyncio.to_thread(_packed, entries)
            await DIFF.save_diff_chunk(connection, run_id=run.id, position=position, entries=packed)
            position += 1
        summary = {
            **tally.counts,
            "missing": wanted.gone,
            "note": wanted.note,
            "unitsBefore": units,
            "unitsAfter": units + tally.units,
            "day": day.isoformat(),
            "limit": limit["daily_sku_limit"],
            "used": limit["used"],
            "cost": tally.cost,
            "examples": tally.examples,
        }
        await DIFF.save_diff(connection, run_id=run.id, summary=summary)

    await store.patiently(work)


async def _copy_items(connection: asyncpg.Connection, spooled: Spooled) -> None:
    async def rows() -> AsyncIterator[tuple[int, str, str]]:
        position = 0
        async for part in spooled.parts(0):
            for item in part.items:
                position += 1
                yield position, item["externalId"], orjson.dumps(item).decode()

    await DIFF.create_file_items(connection)
    columns = ("position", "external_id", "item")
    await connection.copy_records_to_table("file_items", records=rows(), columns=columns)
    await DIFF.analyze_file_items(connection)


async def _entries(connection: asyncpg.Connection, run: Run, tally: Tally, *, zeroes: bool) -> AsyncIterator[list[Any]]:
    """Yield `[kind, external id, changes]` of every item that would change, a page at a time; count all of them in."""
    async for rows in _pages(connection, DIFF.compared_items.sql, run):
        entries = []
        for row in rows:
            kind, changes = compare(row)
            tally.add(kind, row["external_id"], changes, row["charged"] or 0)
            if kind != "unchanged":
                entries.append([kind, row["external_id"], changes])
        if entries:
            yield entries
    if not zeroes:
        return
    async for rows in _pages(connection, DIFF.gone_items.sql, run):
        entries = []
        for row in rows:
            changes = [("inventoryQuantity", row["quantity"], 0)]
            tally.add("zeroed", row["external_id"], changes, row["charged"] or 0)
            entries.append(["zeroed", row["external_id"], changes])
        yield entries


def _packed(entries: list[Any]) -> bytes:
    return zlib.compress(orjson.dumps(entries), 1)


def compare(row: Any) -> tuple[str, list[Change]]:
    """Return what would become of an item, a row of the query `compared_items`, and its changes."""
    item = orjson.loads(row["deferred"]) if row["deferred"] else {}
    for written in row["items"]:  # in the file's order: later rows win, attribute by attribute
        item |= orjson.loads(written)
    if row["id"] is None:
        return "created", [(name, None, value) for name, value in item.items() if name != "externalId"]
    changes = differences(item, row, orjson.loads(row["details"]) if row["details"] else {})
    return ("changed" if changes else "unchanged"), changes


async def _pages(connection: asyncpg.Connection, sql: str, run: Run) -> AsyncIterator[list[Any]]:
    cursor = await connection.cursor(sql, run.account_id, run.feed_id)
    while rows := await cursor.fetch(_PAGE):
        yield rows


def _moved(before: str | None, after: str | None) -> bool:
    """Return whether a price moves by more than half of what it was."""
    if before is None or after is None or not (was := Decimal(before)):
        return False
    return abs(Decimal(after) - was) > _MOVED * abs(was)
