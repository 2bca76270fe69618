"""Read and write feed variants and their details: array statements, sorted by the full key."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from asyncpg import Connection

from schemas.errors import Transient
from schemas.outcomes import Outcome
from workers.apply import compare, statements
from workers.apply.statements import ROAD
from workers.apply.work import Entry

_CREATED, _UPDATED = Outcome.CREATED, Outcome.UPDATED


async def read_changed(connection: Connection, entries: Sequence[Entry], attributes: tuple[str, ...]) -> list[Entry]:
    """Return the entries whose feed variant is new or whose hash differs, with their rows, in arrival order."""
    hash_of = compare.content_hash
    for entry in entries:
        entry.item_hash = hash_of(entry.item)
    rows = await connection.fetch(
        statements.differing_rows(attributes),
        [entry.work.feed.account_id for entry in entries],
        [entry.work.feed.id for entry in entries],
        [entry.external_id for entry in entries],
        [entry.item_hash for entry in entries],
    )
    differing = []
    for row in rows:
        entry = entries[row[0] - 1]
        if row[1] is not None:
            entry.row, entry.details_hash, entry.charged = row, row[3], row[4]
        differing.append(entry)
    return differing


async def compare_details(connection: Connection, entries: Sequence[Entry]) -> None:
    """Fill in the entries' `details` and details hashes; reads stored details only where the hash differs."""
    asked: list[tuple[Entry, dict[str, Any]]] = []
    for entry in entries:
        sent = compare.details_of(entry.item)
        if sent and (digest := compare.content_hash(sent)) != entry.details_hash:
            entry.details_hash = digest
            asked.append((entry, sent))
    known = [(entry.work.feed.account_id, entry.row["id"]) for entry, _ in asked if entry.row is not None]
    stored: dict[int, Any] = {}
    if known:
        rows = await connection.fetch(ROAD.stored_details.sql, *zip(*known, strict=True))
        stored = {row[0]: orjson.loads(row[1]) for row in rows}
    for entry, sent in asked:
        compare.compare_details(entry, sent, stored.get(entry.row["id"], {}) if entry.row is not None else {})


async def write(connection: Connection, entries: Sequence[Entry], attributes: tuple[str, ...], now: datetime) -> None:
    """Write admitted entries: update what was there, insert what is new, then the details of both."""
    entries = sorted(entries, key=_full_key)
    created = [entry for entry in entries if entry.row is None]
    updated = [entry for entry in entries if entry.row is not None]
    if updated:
        await _update(connection, updated, attributes, now)
    if created:
        await _insert(connection, created, attributes, now)
    detailed = [entry for entry in entries if entry.details is not None]
    if detailed:
        await connection.execute(
            ROAD.write_details.sql,
            [entry.work.feed.account_id for entry in detailed],
            [entry.id for entry in detailed],
            [orjson.dumps(entry.details).decode() for entry in detailed],
        )


async def _update(connection: Connection, entries: Sequence[Entry], attributes: Sequence[str], now: datetime) -> None:
    touched: set[str] = set().union(*(entry.changes for entry in entries))
    rows = [(entry.changes, entry.row) for entry in entries if entry.row is not None]
    columns = [
        [changes[name] if name in changes else row[place] for changes, row in rows]
        for place, name in enumerate(attributes, compare.FIRST_COLUMN)
        if name in touched
    ]
    status = await connection.execute(
        statements.update_rows(tuple(name for name in attributes if name in touched)),
        now,
        [row[2] for _, row in rows],
        [row[1] for _, row in rows],
        [entry.item_hash for entry in entries],
        [entry.details_hash for entry in entries],
        [entry.charged for entry in entries],
        *columns,
    )
    if status != f"UPDATE {len(entries)}":
        raise Transient(f"a row moved between compare and write: {status} of {len(entries)}")
    for entry in entries:
        entry.id = entry.row[1]
        entry.end(_UPDATED)


async def _insert(connection: Connection, entries: Sequence[Entry], attributes: tuple[str, ...], now: datetime) -> None:
    rows = await connection.fetch(
        statements.insert_rows(attributes),
        now,
        [entry.work.feed.account_id for entry in entries],
        [entry.work.feed.id for entry in entries],
        [entry.external_id for entry in entries],
        [entry.item_hash for entry in entries],
        [entry.details_hash for entry in entries],
        [entry.charged for entry in entries],
        [entry.variant_id for entry in entries],
        *([entry.changes[name] for entry in entries] for name in attributes),
    )
    ids = {(row["feed_id"], row["external_id"]): row["id"] for row in rows}
    for entry in entries:
        entry.id = ids[entry.work.feed.id, entry.external_id]
        entry.end(_CREATED)


async def delete(connection: Connection, entries: Sequence[Entry]) -> None:
    """Delete feed variants with their details and what is deferred for them; `unchanged` where there was none."""
    entries = sorted(entries, key=_full_key)
    rows = await connection.fetch(ROAD.delete_rows.sql, *keys_of(entries))
    for row in rows:
        entries[row[0] - 1].end(_UPDATED)


def keys_of(entries: Sequence[Entry]) -> tuple[list[int], list[int], list[str]]:
    """Return the full keys as three parameters."""
    return (
        [entry.work.feed.account_id for entry in entries],
        [entry.work.feed.id for entry in entries],
        [entry.external_id for entry in entries],
    )


def _full_key(entry: Entry) -> tuple[int, int, str]:
    return entry.work.feed.account_id, entry.work.feed.id, entry.external_id
