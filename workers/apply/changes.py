"""What a window changed, as compact records in its own transaction; for accounts that keep them (docs/changes.md).

One row of `events` a batch that changed something. Its body is a JSON array of records, one a feed variant:

    [index, feed variant id, external id, variant id, action, details changed, previous, attribute, old, new, …]

`index` is the item's place in its post or its row in the file, `action` is created, updated, deleted or connected, and
`previous` is where the feed variant's change before this one stands (`Work.window`; null: the first that was kept).
The attributes are the hot ones and `variantId`; lists are flat because a window makes thousands of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from asyncpg import Connection

from schemas.changes import BATCH_DONE, INVENTORY_CHANGED, LIMIT_NEAR
from workers.apply.alerts import crossed
from workers.apply.purse import Purse
from workers.apply.receipts import counts_of
from workers.apply.statements import COLUMNS, ROAD
from workers.apply.work import Entry, Work

_DONE = 1_024
"""A window's batch.done events are numbered from here, its changes from 0, by the batch's place in the window."""


def note(entries: Iterable[Entry]) -> None:
    """Add a record to the batch of each entry that was written."""
    for entry in entries:
        work = entry.work
        if not work.feed.keeps_changes:
            continue
        row, variant_id, detailed = entry.row, entry.variant_id, entry.details is not None
        if row is None:
            held = None
            record = [_index(entry), entry.id, entry.external_id, variant_id, "created", detailed, None]
            for name, value in entry.changes.items():
                if value is not None:
                    record += (name, None, value)
        else:
            held = row["variant_id"]
            if variant_id is None:
                variant_id = held
            record = [_index(entry), row["id"], entry.external_id, variant_id, "updated", detailed, row["last_change"]]
            for name, value in entry.changes.items():
                record += (name, row[name], value)
        if variant_id != held:
            record += ("variantId", held, variant_id)
        work.records.append(record)


def note_connected(entries: Iterable[Entry]) -> None:
    """Add a record of each entry that was connected to another variant, or to none."""
    for entry in entries:
        if entry.work.feed.keeps_changes:
            id_, held, previous = (entry.row[name] for name in ("id", "variant_id", "last_change"))
            record = [_index(entry), id_, entry.external_id, entry.variant_id, "connected", False, previous]
            entry.work.records.append([*record, "variantId", held, entry.variant_id])


def note_deleted(entries: Iterable[Entry]) -> None:
    """Add a record of each entry whose feed variant, its `row`, was deleted."""
    for entry in entries:
        if entry.work.feed.keeps_changes:
            id_, held, previous = (entry.row[name] for name in ("id", "variant_id", "last_change"))
            record = [_index(entry), id_, entry.external_id, held, "deleted", False, previous]
            for name, column in COLUMNS.items():
                if (value := entry.row[column.name]) is not None:
                    record += (name, value, None)
            entry.work.records.append(record)


def _index(entry: Entry) -> int:
    indexes = entry.work.batch.indexes
    return entry.slot if indexes is None else indexes[entry.slot]


async def write(connection: Connection, works: Sequence[Work], purses: Sequence[Purse], now: datetime) -> None:
    """Write the events of a window's batches, where there are any."""
    rows = [row for work in works for row in _rows(work)]
    if rows:
        await connection.execute(ROAD.write_events.sql, now, *zip(*rows, strict=True))
    told = {work.feed.account_id for work in works if LIMIT_NEAR in work.feed.events}
    for purse in purses:
        if purse.account_id in told:
            for percent in crossed(purse):
                body = {"percent": percent, "day": purse.day.isoformat(), "limit": purse.limit, "used": purse.used}
                content = orjson.dumps(body).decode()
                await connection.execute(ROAD.add_event.sql, purse.account_id, LIMIT_NEAR, content)


def _rows(work: Work) -> list[tuple[Any, ...]]:
    if work.window is None:
        return []
    batch, rows = work.batch, []
    head = (batch.account_id, batch.feed_id, batch.batch_id, batch.run_id, batch.source)
    received_at = datetime.fromtimestamp(batch.received_ms / 1000, UTC)
    if work.records:
        rows.append((*head, received_at, work.window + work.place, INVENTORY_CHANGED, orjson.dumps(work.records)))
    if BATCH_DONE in work.feed.events:
        body = {
            "batchId": str(batch.batch_id),
            "inventoryFeedId": batch.feed_id,
            "runId": batch.run_id,
            "source": batch.source,
            "counts": counts_of(work),
        }
        rows.append((*head, received_at, work.window + work.place + _DONE, BATCH_DONE, orjson.dumps(body)))
    return rows
