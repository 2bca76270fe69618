"""Dead letters by cause: what could not be applied and why, counted; and what somebody found out about it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.models import Body, Id, Query, Resource
from ingest.api.framework.operation import Operation
from schemas import queries
from schemas.attributes import ShortText

GROUPS = queries.load("dead_letter_groups", beside=__file__)
MOST_GROUPS = 100
_HOURS = 24


class DeadLetterGroup(Resource):
    """Dead letters of one cause."""

    code: str
    feed_id: int | None
    feed_name: str | None = Field(description="null: the feed is deleted")
    cause: str = Field(description="names the reason without its values")
    reason: str = Field(description="the reason, its values left out")
    count: int
    first_at: datetime
    last_at: datetime
    hours: list[int] = Field(description="how many came in each of the last 24 hours, the oldest first")
    last_id: int
    sample: str = Field(description="the reason of the newest")
    sample_external_id: str | None
    note: str | None
    noted_by: str | None
    noted_at: datetime | None


class GroupQuery(Query):
    """Which dead letters."""

    status: Literal["dead", "replayed", "discarded"] = Field("dead", description="with this status")


class Note(Body):
    """What somebody found out about a cause; an empty note takes it away."""

    code: ShortText
    feed_id: Id | None = None
    cause: ShortText
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=1_000)]


async def list_groups(call: Call[GroupQuery, None]) -> Answer:
    """Return the causes, the most first."""
    rows = await call.db.all(GROUPS.groups, status=call.query.status, groups=MOST_GROUPS)
    return Answer([DeadLetterGroup.of({**row, "hours": _hours(row["hours"])}) for row in rows])


async def note(call: Call[Query, Note]) -> Answer:
    """Keep a note."""
    body = call.body
    which = {"code": body.code, "feed_id": body.feed_id, "cause": body.cause}
    if body.note:
        await call.db.one(GROUPS.set_note, **which, note=body.note, who=call.caller.name)
    else:
        await call.db.one(GROUPS.drop_note, **which)
    return Answer()


def _hours(counted: Any) -> list[int]:
    known = {int(hour): max(0, count) for hour, count in (counted or {}).items()}
    return [known.get(hour, 0) for hour in reversed(range(_HOURS))]


OPERATIONS = (
    Operation(
        name="dead_letter_groups.list",
        method="GET",
        path="/api/dead-letter-groups.json",
        summary="List dead letters by cause, the most first",
        description=f"By code, feed, and the reason without its values; up to {MOST_GROUPS} groups.",
        scope=Scope.READ,
        query=GroupQuery,
        response=list[DeadLetterGroup],
        handler=list_groups,
    ),
    Operation(
        name="dead_letter_groups.note",
        method="PUT",
        path="/api/dead-letter-groups/note.json",
        summary="Note what was found out about a cause",
        scope=Scope.WRITE,
        body=Note,
        example={"code": "postgres.22003", "feedId": 7, "cause": "1f0c", "note": "their export adds three zeros"},
        status=204,
        handler=note,
    ),
)
