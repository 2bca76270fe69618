"""The history of one feed variant: the messages that touched it, newest first, as far as receipts reach.

Two sources, merged: the chain of its change records (what became of it, from what), if the account keeps them, and the
feed's receipts, which name every item that was not simply created or updated. A page looks at so many receipts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ingest.changes.reader import CHANGES, change_of
from schemas import change_records, receipts
from schemas.change_records import Record
from schemas.dead_letters import EDITED

RECEIPTS_OF_A_PAGE = 2_000
CHANGES_OF_A_PAGE = DECISIONS_OF_A_PAGE = 50
_UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: receipts received before a time, and the window of the newest change (None: no more)."""

    before: datetime
    window: int | None


@dataclass(frozen=True, slots=True)
class Past:
    """One page of a history; `looked_at` receipts were read for it, `next` is where the next page begins."""

    entries: list[dict[str, Any]]
    looked_at: int
    next: Place | None


async def page(db: Any, variant: Any, feed_variant_id: int, place: Place) -> Past:
    """Return a page of the history of a feed variant; `variant` has its `feed_id` and `external_id`.

    `db` runs queries for one account (`ingest.api.framework.call.Scoped`).
    """
    rows = await db.all(
        CHANGES.receipts_naming,
        feed_id=variant["feed_id"],
        before=place.before,
        needle=receipts.needle(variant["external_id"]),
        most=RECEIPTS_OF_A_PAGE,
    )
    looked_at, oldest = rows[0]["looked_at"], rows[0]["oldest"]
    bottom = oldest if looked_at >= RECEIPTS_OF_A_PAGE else None
    changes, window = await _chain(db, variant["feed_id"], feed_variant_id, place.window, bottom)
    if window is not None and len(changes) >= CHANGES_OF_A_PAGE:
        last = datetime.fromisoformat(changes[-1]["receivedAt"])
        bottom = last if bottom is None else max(bottom, last)
    known = {(change["batchId"], change["index"]): change for change in changes}
    lines = []
    for row in rows:
        if row["batch_id"] is None or (bottom is not None and row["received_at"] < bottom):
            continue
        for line in _lines(row, variant["external_id"]):
            change = known.get((line["batchId"], line["index"]))
            if change is None:
                lines.append(line)
            elif line["message"]:
                change |= {name: line[name] for name in ("code", "message")}
    entries = sorted([*changes, *lines], key=lambda entry: (entry["appliedAt"], entry["receivedAt"]), reverse=True)
    _name_winners(entries)
    more = bottom is not None or window is not None
    return Past(list(fold(entries)), looked_at, Place(bottom or _FIRST, window) if more else None)


async def decisions(db: Any, variant: Any, feed_variant_id: int, place: Place, past: Past) -> list[dict[str, Any]]:
    """Return what people decided by the dashboard, in the time of a page, about what the feed variant sells.

    That is a feed's buffer, or whether it counts at all, and an override: none of them is a message to the item.
    """
    rows = await db.all(
        CHANGES.decisions,
        subjects=[
            f"/api/inventory-feeds/{variant['feed_id']}.json",
            f"/api/inventory-feed-variants/{feed_variant_id}.json",
        ],
        operations=list(_DECIDED),
        since=past.next.before if past.next else _FIRST,
        before=place.before,
        most=DECISIONS_OF_A_PAGE,
    )
    told = []
    for row in rows:
        before, after = (row[name] or {} for name in ("before", "after"))
        names = [name for name in _DECIDES if before.get(name) != after.get(name)]
        if names:
            changes = {name: {"old": before.get(name), "new": after.get(name)} for name in names}
            told.append({"at": row["at"], "who": row["who"], "about": _DECIDED[row["operation"]], "changes": changes})
    return sorted(told, key=lambda decision: decision["at"], reverse=True)


_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_DECIDED = {"inventory_feeds.update": "feed", "inventory_feed_variants.update": "item"}
_DECIDES = (
    "enabled",
    "allocationBuffer",
    "allocationBufferOverride",
    "inventoryQuantityOverride",
    "manualInventoryQuantity",
)


async def _chain(
    db: Any, feed_id: int, feed_variant_id: int, window: int | None, bottom: datetime | None
) -> tuple[list[dict[str, Any]], int | None]:
    """Return changes from a window back, and the window to go on from (None: there is no more)."""
    changes: list[dict[str, Any]] = []
    while window is not None and len(changes) < CHANGES_OF_A_PAGE:
        found = await _change(db, feed_id, feed_variant_id, window)
        if found is None:
            return changes, None  # its partition was dropped
        row, record, number = found
        if bottom is not None and row["received_at"] < bottom:
            break
        told = change_of(row, record, number)
        changes.append({"outcome": told["action"], **told, "times": 1})
        window = record.previous
    return changes, window


async def _change(db: Any, feed_id: int, feed_variant_id: int, window: int) -> tuple[Any, Record, int] | None:
    for row in await db.all(CHANGES.changes_of_window, feed_id=feed_id, window=window):
        for number, record in enumerate(change_records.decode(row["body"])):
            if record.feed_variant_id == feed_variant_id:
                return row, record, number
    return None


def _lines(row: Any, external_id: str) -> Iterable[dict[str, Any]]:
    for item in receipts.decode(row["items"]):
        if item.get("externalId") == external_id:
            edited = (warning for warning in item.get("warnings", ()) if warning.get("code") == EDITED)
            why = item if item.get("message") else next(edited, item)
            yield {
                "outcome": item["outcome"],
                "batchId": str(row["batch_id"]),
                "runId": row["run_id"],
                "source": row["source"],
                "index": item["index"],
                "receivedAt": _time(row["received_at"]),
                "appliedAt": _time(row["applied_at"]),
                "code": why.get("code"),
                "message": why.get("message"),
                "times": 1,
            }


def _name_winners(entries: list[dict[str, Any]]) -> None:
    """Tell of each superseded entry which batch of the same window won, where that is known."""
    winners = {entry["appliedAt"]: entry["batchId"] for entry in entries if entry["outcome"] != "superseded"}
    for entry in entries:
        if entry["outcome"] == "superseded":
            entry["supersededBy"] = winners.get(entry["appliedAt"])


def fold(entries: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """Make one entry of unchanged ones that follow one another: the newest, with how many and since when."""
    held: dict[str, Any] | None = None
    for entry in entries:
        if held is not None and entry["outcome"] == _UNCHANGED:
            held["times"] += 1
            held["since"] = entry["receivedAt"]
            continue
        if held is not None:
            yield held
            held = None
        if entry["outcome"] == _UNCHANGED:
            held = {**entry, "since": entry["receivedAt"]}
        else:
            yield entry
    if held is not None:
        yield held


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
