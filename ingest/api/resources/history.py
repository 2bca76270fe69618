"""The history of one feed variant: why its quantity is what it is."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field

from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.cursors import cursor
from ingest.api.framework.models import Query, Resource
from ingest.api.framework.operation import Operation
from ingest.api.shared.outcomes import Cause, Values
from ingest.changes import history
from ingest.changes.history import Place
from ingest.changes.reader import CHANGES
from schemas.outcomes import Outcome

_CURSOR = re.compile(r"^([0-9]{1,16})_([0-9]{0,18})$", re.ASCII)
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_AHEAD = timedelta(days=1)


def _place(of: re.Match[str]) -> Place:
    return Place(_EPOCH + int(of[1]) * _MICROSECOND, int(of[2]) if of[2] else None)


class HistoryQuery(Query):
    """Where to go on."""

    before: Annotated[Place, cursor(_CURSOR, _place, "the answer before")] | None = Field(
        None, description="the `next` of the answer before"
    )


class HistoryEntry(Cause):
    """What one message did to the feed variant."""

    outcome: Outcome | Literal["deleted", "connected"]
    changes: dict[str, Values] | None = Field(None, description="attribute → old and new; null where it is not known")
    details_changed: bool | None = None
    code: str | None = Field(
        None, description="why it was rejected or is dead, or that it was edited before its replay"
    )
    message: str | None = None
    superseded_by: str | None = Field(None, description="the batch that won, where it is known")
    times: int = Field(description="unchanged ones that follow one another are one entry: how many")
    since: datetime | None = Field(None, description="of those, when the first was received")


class Decision(Resource):
    """What a person changed by the dashboard about what the feed variant sells: no message to it."""

    at: datetime
    who: str = Field(description="a person's name, the token, or a one-time link")
    about: Literal["feed", "item"]
    changes: dict[str, Values]


class History(Resource):
    """Entries, newest first, and what people decided meanwhile."""

    entries: list[HistoryEntry]
    decisions: list[Decision] = Field(
        description="in the time of this page, newest first: the feed's buffer, whether it is enabled, overrides"
    )
    changes_kept: bool = Field(description="whether the account keeps its changes: without, only receipts tell")
    receipts_looked_at: int = Field(description="receipts of the feed that this page looked through")
    next: str | None = Field(description="give it as `before`; null: no more, as far as receipts reach")


async def get_history(call: Call[HistoryQuery, None]) -> Answer:
    """Return a page."""
    variant = call.found(await call.db.one(CHANGES.last_change_of, id=call.id), "feed variant")
    stream = await call.db.one(CHANGES.stream_get)
    place = call.query.before or Place(datetime.now(UTC) + _AHEAD, variant["last_change"])
    past = await history.page(call.db, variant, call.id, place)
    decided = await history.decisions(call.db, variant, call.id, place, past)
    following = past.next and f"{(past.next.before - _EPOCH) // _MICROSECOND}_{past.next.window or ''}"
    body = {"entries": past.entries, "decisions": decided, "next": following, "receiptsLookedAt": past.looked_at}
    return Answer({**body, "changesKept": stream["enabled"]})


OPERATIONS = (
    Operation(
        name="history.get",
        method="GET",
        path="/api/inventory-feed-variants/{id}/history.json",
        summary="Read what made a feed variant what it is",
        description="The messages that touched it, newest first, as far as receipts reach (`RECEIPT_DAYS`).",
        scope=Scope.READ,
        query=HistoryQuery,
        response=History,
        handler=get_history,
    ),
)
