"""Read and write feed variants and their details: array statements, sorted by the full key."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from asyncpg import Connection

from schemas import comparison
from schemas.outcomes import Outcome
from workers.apply import changes, compare, statements
from workers.apply.arrays import documents, numbers, texts
from workers.apply.blame import Stale
from workers.apply.compare import Hashed
from workers.apply.differing import Differing, Updates
from workers.apply.inserts import NONE as NO_INSERTS
from workers.apply.inserts import Inserts
from workers.apply.sheet import Sheet
from workers.apply.statements import COLUMNS, ROAD
from workers.apply.work import Entry

_CREATED, _UPDATED = Outcome.CREATED, Outcome.UPDATED


async def read_differing(connection: Connection, sheet: Sheet, hashed: Hashed) -> Differing:
    """Return the lines of a sheet that differ from what is stored, or are new, with their rows."""
    text = statements.differing_rows(hashed.attributes, with_details=hashed.with_details, with_changes=sheet.told)
    rows = await connection.fetch(text, len(sheet), *sheet.keys(), numbers(hashed.items))
    return Differing(sheet, hashed, rows)


async def read_entries(connection: Connection, found: Differing, written: Collection[int] = ()) -> list[Entry]:
    """Return the entries that would change something, or create, with what that is, in the sheet's order.

    But for the lines at some places, which are written otherwise.
    """
    rows, places = found.rows, found.places
    if written:
        if len(written) == len(places):
            return []
        others = set(places).difference(written)
        rows, places = [row for row in rows if row[0] - 1 in others], sorted(others)
    hashed, differing = found.hashed, found.sheet.entries(places)
    for place, entry, row in zip(places, differing, rows, strict=True):
        entry.item_hash, entry.details_hash = hashed.items[place], hashed.details[place]
        if row["id"] is None:
            entry.changes = compare.initial(entry.item, hashed.attributes)
        else:
            entry.row, entry.charged = row, row["charged"]
    known = [entry for entry in differing if entry.row is not None]
    changes = comparison.changes_of_each(
        [entry.item for entry in known], [entry.row for entry in known], hashed.attributes
    )
    for entry, changes_of_entry in zip(known, changes, strict=True):
        entry.changes = changes_of_entry
    if hashed.with_details:
        await _compare_details(connection, differing)
    return [entry for entry in differing if entry.changes or entry.row is None or entry.details is not None]


async def _compare_details(connection: Connection, entries: Sequence[Entry]) -> None:
    """Fill in the entries' `details`; reads what is stored only where the hash differs."""
    asked = []
    for entry in entries:
        if not entry.details_hash and entry.row is not None:
            entry.details_hash = entry.row["details_hash"]
        elif entry.details_hash and (entry.row is None or entry.details_hash != entry.row["details_hash"]):
            asked.append(entry)
    known = [entry for entry in asked if entry.row is not None]
    stored: dict[int, Any] = {}
    if known:
        rows = await connection.fetch(
            ROAD.stored_details.sql,
            numbers([entry.work.feed.account_id for entry in known]),
            numbers([entry.row["id"] for entry in known]),
        )
        stored = {row["feed_variant_id"]: orjson.loads(row["attributes"]) for row in rows}
    for entry in asked:
        held = {} if entry.row is None else stored.get(entry.row["id"], {})
        entry.details = comparison.details_over(held, entry.item)


async def hold(
    connection: Connection, admitted: Sequence[Entry], others: Sequence[Entry], inserts: Inserts = NO_INSERTS
) -> set[int]:
    """Hold the feeds that get new rows, details or deferred items, so that nobody deletes one and leaves those behind.

    An update alone needs no hold: of a row that was deleted there is nothing to update, which `write` finds out.
    Returns which of the feeds' accounts have variants; raises `Stale` when one of the feeds is deleted.
    """
    adding = [entry for entry in admitted if entry.row is None or entry.details is not None]
    works = [entry.work for entry in (*adding, *others)] + [work for work, _ in inserts.wanted]
    feed_ids = sorted({work.feed.id for work in works})
    if not feed_ids:
        return set()
    feeds = await connection.fetch(ROAD.hold_feeds.sql, feed_ids)
    if len(feeds) < len(feed_ids):
        raise Stale("a feed was deleted after the window had looked at it")
    return {feed["account_id"] for feed in feeds if feed["has_variants"]}


async def write(connection: Connection, entries: Sequence[Entry], hashed: Hashed, now: datetime) -> None:
    """Write admitted entries, sorted by the full key: update what was there, insert what is new, then the details."""
    created = [entry for entry in entries if entry.row is None]
    updated = [entry for entry in entries if entry.row is not None] if created else entries
    if updated:
        await _update(connection, updated, hashed, now)
    if created:
        await _insert(connection, created, hashed.attributes, now)
    detailed = [entry for entry in entries if entry.details is not None]
    if detailed:
        await connection.execute(
            ROAD.write_details.sql,
            numbers([entry.work.feed.account_id for entry in detailed]),
            numbers([entry.id or entry.row["id"] for entry in detailed]),
            documents(orjson.dumps(entry.details).decode() for entry in detailed),
        )


async def update(connection: Connection, found: Differing, updates: Updates, now: datetime) -> None:
    """Write rows out of the columns in which they were read."""
    names, values = update_of(found, updates, now)
    await _send(connection, names, values, len(updates))
    found.sheet.end(updates.places, _UPDATED)


def update_of(found: Differing, updates: Updates, now: datetime) -> tuple[tuple[str, ...], list[Any]]:
    """Return what the update of rows writes, hot attributes and bookkeeping, and its parameters."""
    columns = {name: COLUMNS[name].array(values) for name, values in updates.columns.items()}
    if updates.charged is not None:
        columns["charged"] = numbers(updates.charged)
    hashes = found.hashed.items
    return _update_of(now, False, (updates.ctids, updates.ids, [hashes[place] for place in updates.places]), columns)


async def _update(connection: Connection, entries: Sequence[Entry], hashed: Hashed, now: datetime) -> None:
    names, values = update_of_entries(entries, hashed, now)
    await _send(connection, names, values, len(entries))
    for entry in entries:
        entry.end(_UPDATED)


def update_of_entries(entries: Sequence[Entry], hashed: Hashed, now: datetime) -> tuple[tuple[str, ...], list[Any]]:
    """Return the same of entries whose rows are there."""
    rows, changed = [entry.row for entry in entries], [entry.changes for entry in entries]
    touched: set[str] = set().union(*changed)
    columns = {
        name: COLUMNS[name].array(
            [change[name] if name in change else row[name] for change, row in zip(changed, rows, strict=True)]
        )
        for name in hashed.attributes
        if name in touched
    }
    charged = [entry.charged for entry in entries]
    if charged != [row["charged"] for row in rows]:
        columns["charged"] = numbers(charged)
    if hashed.with_details and any(entry.details_hash != entry.row["details_hash"] for entry in entries):
        columns["details_hash"] = numbers([entry.details_hash for entry in entries])
    keys = [row["place"] for row in rows], [row["id"] for row in rows], [entry.item_hash for entry in entries]
    return _update_of(now, told(entries), keys, columns)


def _update_of(
    now: datetime,
    told: bool,
    keys: tuple[Sequence[str], Sequence[int], Sequence[int]],
    columns: Mapping[str, str],
) -> tuple[tuple[str, ...], list[Any]]:
    """Return what an update writes and its parameters, given the rows' ctids, ids and item hashes."""
    ctids, ids, hashes = keys
    return tuple(columns), [now, told, texts(ctids), numbers(ids), numbers(hashes), *columns.values()]


async def _send(connection: Connection, names: tuple[str, ...], values: Sequence[Any], count: int) -> None:
    """Update so many rows; raises `Stale` when one of them is not there any more."""
    status = await connection.execute(statements.update_rows(names), *values)
    if status != f"UPDATE {count}":
        raise Stale(f"a row moved between compare and write: {status} of {count}")


async def insert(connection: Connection, new: Inserts, variant_ids: Sequence[int | None], now: datetime) -> None:
    """Insert rows out of columns, with their details, in one statement; `variant_ids` are what they connect to."""
    attributes = new.hashed.attributes
    detailed = any(new.details)
    await connection.execute(
        statements.insert_rows(attributes, detailed=detailed),
        now,
        False,
        *new.sheet.keys(),
        numbers(new.hashed.items),
        numbers(new.hashed.details),
        numbers(new.marks),
        numbers(variant_ids),
        *(COLUMNS[name].array(new.columns[name]) for name in attributes),
        *((documents(new.details),) if detailed else ()),
    )
    new.sheet.end(range(len(new)), _CREATED)


async def _insert(connection: Connection, entries: Sequence[Entry], attributes: tuple[str, ...], now: datetime) -> None:
    """Insert rows; what names them afterwards, their details and the changes that are kept, wants their ids back."""
    named = told(entries) or any(entry.details is not None for entry in entries)
    rows = await connection.fetch(
        statements.insert_rows(attributes, named=named),
        now,
        told(entries),
        *keys_of(entries),
        numbers([entry.item_hash for entry in entries]),
        numbers([entry.details_hash for entry in entries]),
        numbers([entry.charged for entry in entries]),
        numbers([entry.variant_id for entry in entries]),
        *(COLUMNS[name].array([entry.changes[name] for entry in entries]) for name in attributes),
    )
    if named:
        ids = {(row["feed_id"], row["external_id"]): row["id"] for row in rows}
        for entry in entries:
            entry.id = ids[entry.work.feed.id, entry.external_id]
    for entry in entries:
        entry.end(_CREATED)


async def delete(connection: Connection, entries: Sequence[Entry]) -> None:
    """Delete feed variants with their details and what is deferred for them; `unchanged` where there was none."""
    rows = await connection.fetch(ROAD.delete_rows.sql, *keys_of(entries))
    for row in rows:
        entry = entries[row["n"] - 1]
        entry.row = row
        entry.end(_UPDATED)
    changes.note([entry for entry in entries if entry.row is not None])


def told(entries: Sequence[Entry]) -> bool:
    """Return whether some account of the window keeps events, so that rows are marked with their last change."""
    return entries[0].work.told


def keys_of(entries: Sequence[Entry]) -> tuple[str, str, str]:
    """Return the full keys as three parameters."""
    feeds = [entry.work.feed for entry in entries]
    return (
        numbers([feed.account_id for feed in feeds]),
        numbers([feed.id for feed in feeds]),
        texts([entry.external_id for entry in entries]),
    )
