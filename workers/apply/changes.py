"""What a window changed, as compact records in its own transaction; for accounts that keep them (docs/changes.md).

One row of `events` a batch that changed something, in columns (`schemas.change_records`): what is the same of all its
changes is written once, and to make a column costs a third of what a record each did.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from asyncpg import Connection

from schemas import change_records
from schemas.batches import Operation
from schemas.change_records import Group
from schemas.changes import BATCH_DONE, INVENTORY_CHANGED, LIMIT_NEAR
from workers.apply.alerts import crossed
from workers.apply.purse import Purse
from workers.apply.receipts import counts_of
from workers.apply.statements import COLUMNS, ROAD
from workers.apply.work import Entry, Work

_DONE = 1_024
"""A window's batch.done events are numbered from here, its changes from 0, by the batch's place in the window."""


def note(entries: Iterable[Entry]) -> None:
    """Remember each entry that was written, created, connected or deleted, as its batch asked for."""
    for entry in entries:
        if entry.work.feed.keeps_changes:
            entry.work.changed.append(entry)


def groups_of(work: Work) -> list[Group]:
    """Return what a batch changed, by kind: the changes of a kind name the same attributes."""
    operation = work.batch.operation
    if operation is Operation.DELETE:
        return [_deleted(work)]
    if operation is Operation.CONNECT:
        return [_group(work.changed, "connected", [], moved=True)]
    kinds: dict[Any, list[Entry]] = defaultdict(list)
    for entry in work.changed:
        moved = entry.variant_id is not None and (entry.row is None or entry.variant_id != entry.row["variant_id"])
        kinds[entry.row is None, moved, entry.details is not None, *entry.changes].append(entry)
    return [
        _group(entries, "created" if new else "updated", names, moved=moved, detailed=detailed)
        for (new, moved, detailed, *names), entries in kinds.items()
    ]


def _group(entries: Sequence[Entry], action: str, names: list[str], *, moved: bool, detailed: bool = False) -> Group:
    """Return the changes of entries that change the same attributes and, if `moved`, their variant."""
    if action == "created":
        ids, held, previous = [entry.id for entry in entries], [None], [None]
        olds: list[list[Any]] = [[None]] * len(names)
    else:
        rows = [entry.row for entry in entries]
        ids, held, previous = ([row[name] for row in rows] for name in ("id", "variant_id", "last_change"))
        olds = [[row[name] for row in rows] for name in names]
    variants = [entry.variant_id for entry in entries] if moved else held
    columns: list[list[Any]] = [_indexes(entries), ids, [entry.external_id for entry in entries], variants, previous]
    for name, old in zip(names, olds, strict=True):
        columns += (old, [entry.changes[name] for entry in entries])
    if moved:
        names = [*names, "variantId"]
        columns += (held, variants)
    return Group(action, detailed, names, columns)


def _deleted(work: Work) -> Group:
    rows = [entry.row for entry in work.changed]
    ids, held, previous = ([row[name] for row in rows] for name in ("id", "variant_id", "last_change"))
    columns: list[list[Any]] = [
        _indexes(work.changed),
        ids,
        [entry.external_id for entry in work.changed],
        held,
        previous,
    ]
    for column in COLUMNS.values():
        columns += ([row[column.name] for row in rows], [None])
    return Group("deleted", False, list(COLUMNS), columns)


def _indexes(entries: Sequence[Entry]) -> list[int]:
    indexes = entries[0].work.batch.indexes
    slots = [entry.slot for entry in entries]
    return slots if indexes is None else [indexes[slot] for slot in slots]


async def write(connection: Connection, works: Sequence[Work], purses: Sequence[Purse], now: datetime) -> None:
    """Write the events of a window's batches, where there are any."""
    if events := events_of(works, now):
        await connection.execute(ROAD.write_events.sql, *events)
    told = {work.feed.account_id for work in works if LIMIT_NEAR in work.feed.events}
    for purse in purses:
        if purse.account_id in told:
            for percent in crossed(purse):
                body = {"percent": percent, "day": purse.day.isoformat(), "limit": purse.limit, "used": purse.used}
                content = orjson.dumps(body).decode()
                await connection.execute(ROAD.add_event.sql, purse.account_id, LIMIT_NEAR, content)


def events_of(works: Sequence[Work], now: datetime) -> list[Any]:
    """Return the parameters of the events of a window's batches; none where there are no events."""
    rows = [row for work in works for row in _rows(work)]
    return [now, *zip(*rows, strict=True)] if rows else []


def _rows(work: Work) -> list[tuple[Any, ...]]:
    if not work.told:
        return []
    batch, rows = work.batch, []
    head = (batch.account_id, batch.feed_id, batch.batch_id, batch.run_id, batch.source)
    received_at = datetime.fromtimestamp(batch.received_ms / 1000, UTC)
    if work.changed:
        body = change_records.encode(groups_of(work))
        work.changed = []  # each entry knows its work: together they would wait for the collector
        rows.append((*head, received_at, work.place, INVENTORY_CHANGED, body))
    if BATCH_DONE in work.feed.events:
        done = {
            "batchId": str(batch.batch_id),
            "inventoryFeedId": batch.feed_id,
            "runId": batch.run_id,
            "source": batch.source,
            "counts": counts_of(work),
        }
        rows.append((*head, received_at, work.place + _DONE, BATCH_DONE, orjson.dumps(done)))
    return rows
