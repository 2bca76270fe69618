"""The statements of one window, in order, inside one transaction. Decisions are made in the other files here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from asyncpg import Connection

from schemas.batches import Batch
from schemas.errors import Transient
from schemas.outcomes import Outcome
from schemas.usage import account_day, zone
from workers.apply import compare, receipts, statements
from workers.apply.merge import merge
from workers.apply.results import BatchResult
from workers.apply.statements import ROAD
from workers.apply.work import Entry, Feed, Work

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ROLLBACK_TIMEOUT_S = 5.0


@asynccontextmanager
async def whole(connection: Connection) -> AsyncIterator[None]:
    """Run a transaction that ends committed or rolled back, or with the connection, even when cancelled within."""
    try:
        await connection.execute("BEGIN")
        yield
        await connection.execute("COMMIT")
    except BaseException:
        await _roll_back(connection)
        raise


async def _roll_back(connection: Connection) -> None:
    try:
        await asyncio.wait_for(connection.execute("ROLLBACK"), _ROLLBACK_TIMEOUT_S)
    except asyncio.CancelledError:
        connection.terminate()
        raise
    except Exception:  # noqa: BLE001 - whatever it was, the server rolls back when the connection ends
        connection.terminate()


async def settle(connection: Connection, batches: Sequence[Batch], now: datetime) -> list[BatchResult]:
    """Claim, apply and receipt the batches of one operation; the caller commits."""
    works = await _claim(connection, batches)
    claimed = [work for work in works if work is not None]
    if claimed:
        await _upsert(connection, [work for work in claimed if work.feed.exists], now)
        await _write_receipts(connection, claimed, now)
    return [
        BatchResult(batch, claimed=False)
        if work is None
        else BatchResult(batch, claimed=True, counts=receipts.counts_of(work), work=work)
        for batch, work in zip(batches, works, strict=True)
    ]


async def _claim(connection: Connection, batches: Sequence[Batch]) -> list[Work | None]:
    """Return the work of each batch, None for one that was seen before; a feed that is gone rejects its items."""
    feeds = await _feeds(connection, sorted({batch.feed_id for batch in batches}))
    seen = await connection.fetch(
        ROAD.seen_batches.sql,
        [batch.account_id for batch in batches],
        [batch.batch_id for batch in batches],
        [_time(batch.received_ms) for batch in batches],
    )
    done = {row[0] - 1 for row in seen}
    ids: set[Any] = set()
    works: list[Work | None] = []
    for place, batch in enumerate(batches):
        if place in done or batch.batch_id in ids:
            works.append(None)
            continue
        ids.add(batch.batch_id)
        feed = feeds.get(batch.feed_id)
        if feed is None or feed.account_id != batch.account_id:
            feed = Feed.gone(batch.feed_id, batch.account_id)
        work = Work(batch, feed, account_day(batch.received_ms, feed.time_zone))
        if not feed.exists:
            work.reject_all("feed.deleted", "the feed was deleted while the batch waited")
        works.append(work)
    return works


async def _feeds(connection: Connection, ids: list[int]) -> dict[int, Feed]:
    rows = await connection.fetch(ROAD.window_feeds.sql, ids)
    return {
        row["id"]: Feed(
            id=row["id"],
            account_id=row["account_id"],
            daily_sku_limit=row["daily_sku_limit"],
            time_zone=zone(row["time_zone"]),
            rejects_over_limit=row["over_limit"] == "reject",
            connects=row["automatically_connect"],
            connects_by_barcode=row["automatically_connect_by_barcode"],
            ignores_sku_case=row["case_insensitive_skus"],
            has_deferred=row["has_deferred"],
        )
        for row in rows
    }


async def _upsert(connection: Connection, works: Sequence[Work], now: datetime) -> None:
    entries = merge(works)
    attributes, has_details = compare.attributes_of(entries)
    differing = await _differing(connection, entries, attributes)
    if not differing:
        return
    for entry in differing:
        compare.compare_hot(entry, attributes)
    if has_details:
        await _compare_details(connection, differing)
    changed = [entry for entry in differing if entry.row is None or entry.changes or entry.details is not None]
    changed.sort(key=_full_key)
    created = [entry for entry in changed if entry.row is None]
    updated = [entry for entry in changed if entry.row is not None]
    if updated:
        await _update(connection, updated, attributes, now)
    ids = await _insert(connection, created, attributes, now) if created else {}
    detailed = [entry for entry in changed if entry.details is not None]
    if detailed:
        await _write_details(connection, detailed, ids)


async def _differing(connection: Connection, entries: list[Entry], attributes: tuple[str, ...]) -> list[Entry]:
    """Return the entries whose feed variant is new or whose hash differs, with their rows, in arrival order."""
    for entry in entries:
        entry.item_hash = compare.content_hash(entry.item)
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


async def _compare_details(connection: Connection, entries: Sequence[Entry]) -> None:
    asked: list[tuple[Entry, dict[str, Any]]] = []
    for entry in entries:
        sent = compare.details_of(entry.item)
        if not sent or (digest := compare.content_hash(sent)) == entry.details_hash:
            continue
        entry.details_hash = digest
        asked.append((entry, sent))
    known = [entry for entry, _ in asked if entry.row is not None]
    stored: dict[int, Any] = {}
    if known:
        rows = await connection.fetch(
            ROAD.stored_details.sql,
            [entry.work.feed.account_id for entry in known],
            [entry.row["id"] for entry in known if entry.row is not None],
        )
        stored = {row[0]: orjson.loads(row[1]) for row in rows}
    for entry, sent in asked:
        compare.compare_details(entry, sent, stored.get(entry.row["id"], {}) if entry.row is not None else {})


async def _update(connection: Connection, entries: Sequence[Entry], attributes: Sequence[str], now: datetime) -> None:
    touched = set().union(*(entry.changes for entry in entries))
    rows = [(entry.changes, entry.row) for entry in entries if entry.row is not None]
    columns = [
        [changes[name] if name in changes else row[place] for changes, row in rows]
        for place, name in enumerate(attributes, compare.FIRST_COLUMN)
        if name in touched
    ]
    status = await connection.execute(
        statements.update_rows(tuple(name for name in attributes if name in touched)),
        now,
        [row["ctid"] for _, row in rows],
        [row["id"] for _, row in rows],
        [entry.item_hash for entry in entries],
        [entry.details_hash for entry in entries],
        [entry.charged for entry in entries],
        *columns,
    )
    if status != f"UPDATE {len(entries)}":
        raise Transient(f"a row moved between compare and write: {status} of {len(entries)}")
    for entry in entries:
        entry.end(Outcome.UPDATED)


async def _insert(
    connection: Connection, entries: Sequence[Entry], attributes: tuple[str, ...], now: datetime
) -> dict[tuple[int, str], int]:
    """Insert new rows; return (feed id, external id) → id."""
    rows = await connection.fetch(
        statements.insert_rows(attributes),
        now,
        [entry.work.feed.account_id for entry in entries],
        [entry.work.feed.id for entry in entries],
        [entry.external_id for entry in entries],
        [entry.item_hash for entry in entries],
        [entry.details_hash for entry in entries],
        [entry.charged for entry in entries],
        *([entry.changes[name] for entry in entries] for name in attributes),
    )
    for entry in entries:
        entry.end(Outcome.CREATED)
    return {(row["feed_id"], row["external_id"]): row["id"] for row in rows}


async def _write_details(connection: Connection, entries: Sequence[Entry], created: dict[tuple[int, str], int]) -> None:
    await connection.execute(
        ROAD.write_details.sql,
        [entry.work.feed.account_id for entry in entries],
        [
            entry.row["id"] if entry.row is not None else created[entry.work.feed.id, entry.external_id]
            for entry in entries
        ],
        [orjson.dumps(entry.details).decode() for entry in entries],
    )


async def _write_receipts(connection: Connection, works: Sequence[Work], now: datetime) -> None:
    encoded = [receipts.encode(work) for work in works]
    batches = [work.batch for work in works]
    await connection.execute(
        ROAD.write_receipts.sql,
        now,
        [batch.account_id for batch in batches],
        [batch.batch_id for batch in batches],
        [_time(batch.received_ms) for batch in batches],
        [batch.feed_id for batch in batches],
        [batch.run_id for batch in batches],
        [batch.source for batch in batches],
        [counts for counts, _ in encoded],
        [items for _, items in encoded],
    )


def _full_key(entry: Entry) -> tuple[int, int, str]:
    return entry.work.feed.account_id, entry.work.feed.id, entry.external_id


def _time(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)
