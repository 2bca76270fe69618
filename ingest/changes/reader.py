"""Reads an account's events in their order, page by page, with a cursor that never passes by a late commit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import asyncpg
import orjson

from schemas import change_records, queries
from schemas.change_records import Record
from schemas.changes import INVENTORY_CHANGED, STREAM_DAYS

CHANGES = queries.load("changes", beside=__file__)
_CURSOR = re.compile(r"[0-9]{1,18}\.[0-9]{1,11}", re.ASCII)
INT64_MAX = 2**63 - 1
_PRICES = frozenset({"costPrice", "retailPrice", "compareAtPrice"})


class TooOld(Exception):
    """What came after a cursor is not complete any more."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Up to which position everything was read, and when (seconds since 1970)."""

    position: int
    at_s: int

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the cursor that a text stands for; raises ValueError."""
        if not _CURSOR.fullmatch(text):
            raise ValueError("expected a cursor as given by an earlier answer, or now")
        position, _, at_s = text.partition(".")
        return cls(int(position), int(at_s))

    def __str__(self) -> str:
        """Return the text of it."""
        return f"{self.position}.{self.at_s}"


@dataclass(frozen=True, slots=True)
class Event:
    """One row: an event, or the changes of one batch. `content` is a change each, or the event's one object."""

    position: int
    at: datetime
    name: str
    content: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Page:
    """Events in their order; `more` tells that there are more already."""

    cursor: Cursor
    more: bool
    events: list[Event] = field(default_factory=list)

    @property
    def content(self) -> list[dict[str, Any]]:
        """Return what all events hold, in order."""
        return [each for event in self.events for each in event.content]


async def read(  # noqa: PLR0913 - the last two are the deliverer's
    connection: asyncpg.Connection,
    account_id: int,
    after: Cursor | None,
    names: Sequence[str],
    limit: int,
    *,
    until: int | None = None,
    days: int = STREAM_DAYS,
) -> Page:
    """Return the events after a cursor (None: all that is kept), at most `limit` changes; raises `TooOld`.

    A batch's changes stay together, so one that has more of them than `limit` comes alone. `until` is the last position
    that is wanted (None: any).
    """
    now = datetime.now(UTC)
    if after is not None and after.at_s < (now - timedelta(days=STREAM_DAYS)).timestamp():
        raise TooOld
    rows = CHANGES.events_after(
        connection,
        account_id=account_id,
        after=after.position if after else 0,
        until=INT64_MAX if until is None else until,
        events=list(names),
        days=days,
        most=limit + 1,
    )
    found = [row async for row in rows]
    events: list[Event] = []
    size = 0
    for row in found:
        if row["position"] is None:
            break
        event = event_of(row)
        size += len(event.content)
        if events and size > limit:
            return Page(Cursor(events[-1].position, int(events[-1].at.timestamp())), more=True, events=events)
        events.append(event)
    # All that is final was read: whatever comes lies at the watermark or above.
    return Page(Cursor(found[0]["watermark"] - 1, int(now.timestamp())), more=False, events=events)


def event_of(row: Any) -> Event:
    """Return the event of a row of `events`."""
    if row["event"] != INVENTORY_CHANGED:
        return Event(row["position"], row["at"], row["event"], [orjson.loads(row["body"])])
    records = change_records.decode(row["body"])
    changes = [change_of(row, record, number) for number, record in enumerate(records)]
    return Event(row["position"], row["at"], row["event"], changes)


def change_of(row: Any, record: Record, number: int) -> dict[str, Any]:
    """Return one change of a row of `events` as the API and webhooks tell it.

    The id is the same whenever and by whatever way the change is told.
    """
    changes = {name: {"old": _told(name, old), "new": _told(name, new)} for name, old, new in record.changes}
    return {
        "id": f"{row['position']}-{number}",
        "action": record.action,
        "inventoryFeedId": row["feed_id"],
        "inventoryFeedVariantId": record.feed_variant_id,
        "externalId": record.external_id,
        "variantId": record.variant_id,
        "changes": changes,
        "detailsChanged": record.details_changed,
        "batchId": str(row["batch_id"]),
        "runId": row["run_id"],
        "source": row["source"],
        "index": record.index,
        "receivedAt": _time(row["received_at"]),
        "appliedAt": _time(row["at"]),
    }


def _told(name: str, value: Any) -> Any:
    return float(value) if name in _PRICES and value is not None else value


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
