"""Operations: bulk work on dead letters with an address, a count, progress and an end.

First the count, then the operation on exactly what was counted: `maxId` freezes the set, so that what dies later is not
swept along. A worker does it part by part (`workers/duties/operations.py`).
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, Literal

from pydantic import Field, StrictBool

from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.collection import Collection
from ingest.api.framework.models import Body, Id, Page, Query, Resource
from ingest.api.framework.operation import Operation
from schemas import queries
from schemas.attributes import ShortText

OPERATIONS_SQL = queries.load("operations", beside=__file__)
MAX_PER_SECOND = 10_000
Kind = Literal["replay", "discard", "restore"]
Status = Literal["queued", "running", "paused", "finished", "cancelled"]
Result = Literal["done", "skipped", "failed"]
_WANTED = {"replay": "dead", "discard": "dead", "restore": "discarded"}
_MEANT = ("feed_id", "code", "cause", "of_operation", "overtaken")


class Meant(Body):
    """What to do with which dead letters: those that all given attributes fit; for all of the account say `all`."""

    kind: Kind
    feed_id: Id | None = None
    code: ShortText | None = None
    cause: ShortText | None = Field(None, description="the cause of a group, as its list names it")
    of_operation: Id | None = Field(None, description="restore: just what this operation discarded")
    overtaken: StrictBool = Field(
        False, description="discard: just those for whose key something newer came since they died"
    )
    all: StrictBool = False


class OperationCreate(Meant):
    """The operation on what was counted."""

    max_id: Id = Field(description="of the count: dead letters with greater ids are not meant")
    newer: Literal["skip", "overwrite"] = Field(
        "skip", description="replay: what becomes of those whose key has a newer value"
    )
    first: int | None = Field(None, ge=1, le=1_000, strict=True, description="pause by itself after so many")
    per_second: int | None = Field(None, ge=1, le=MAX_PER_SECOND, strict=True, description="at most so many a second")


class Resume(Body):
    """How it goes on."""

    per_second: int | None = Field(None, ge=1, le=MAX_PER_SECOND, strict=True, description="at most so many a second")


class OperationCount(Resource):
    """What an operation would do."""

    total: int = Field(description="dead letters that are meant")
    newer: int = Field(description="of these, those for whose key something newer came since they died")
    max_id: int = Field(description="to be sent with the operation: it freezes the set")


class BulkOperation(Resource):
    """One operation, how far it is, and what it did."""

    id: int
    kind: Kind
    status: Status
    who: str = Field(description="who began it")
    feed_id: int | None
    code: str | None
    cause: str | None
    of_operation: int | None
    overtaken: bool | None
    newer: Literal["skip", "overwrite"]
    max_id: int
    total: int = Field(description="counted when it was made")
    done: int
    skipped: int = Field(description="somebody else settled it, or its key has a newer value")
    failed: int = Field(description="cannot be replayed")
    pause_at: int | None = Field(description="pauses by itself when so many are settled")
    per_second: int | None
    said: str | None = Field(description="why it is paused, or what it waits for")
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    updated_at: datetime


class OperationItem(Resource):
    """What an operation did to one dead letter."""

    dead_letter_id: int
    external_id: str | None
    feed_id: int | None
    result: Result
    reason: str | None
    batch_id: uuid.UUID | None = Field(description="of a replay: the batch, whose receipt tells what became of it")


class ListQuery(Page):
    """Which operations."""

    open: bool | None = Field(None, description="just those that have not ended, or have")


class ItemQuery(Page):
    """Which of its dead letters."""

    result: Result | None = Field(None, description="with this result")


async def count(call: Call[Query, Meant]) -> Answer:
    """Count what is meant."""
    row = await call.db.one(OPERATIONS_SQL.count_meant, **_meant(call))
    return Answer(OperationCount.of(row))


async def create(call: Call[Query, OperationCreate]) -> Answer:
    """Make an operation on what was counted."""
    body, meant = call.body, _meant(call)
    if body.of_operation is not None and not await call.db.one(OPERATIONS_SQL.get_operation, id=body.of_operation):
        raise call.invalid("ofOperation", "unknown", "there is no such operation")
    total = await call.db.one(OPERATIONS_SQL.count_frozen, **meant, max_id=body.max_id)
    if not total:
        raise call.problem(409, "nothing", "nothing of what was counted is left: count again")
    del meant["wanted"]
    given = {"kind": body.kind, "newer": body.newer, "max_id": body.max_id, "per_second": body.per_second}
    row = await call.db.one(
        OPERATIONS_SQL.create_operation, **meant, **given, total=total, pause_at=body.first, who=call.caller.name
    )
    return Answer(BulkOperation.of(row))


async def list_operations(call: Call[ListQuery, None]) -> Answer:
    """Return a page, newest first."""
    query = call.query
    rows = await call.db.all(OPERATIONS_SQL.list_operations, before=query.after, open=query.open, limit=query.rows)
    return call.page(rows, [BulkOperation.of(row) for row in rows])


async def get_operation(call: Call[Query, None]) -> Answer:
    """Return one."""
    return Answer(BulkOperation.of(await _one(call)))


async def list_items(call: Call[ItemQuery, None]) -> Answer:
    """Return a page of what it did."""
    await _one(call)
    query = call.query
    given = {"id": call.id, "result": query.result, "after": query.after, "limit": query.rows}
    rows = await call.db.all(OPERATIONS_SQL.operation_items, **given)
    return call.page(rows, [OperationItem.of(row) for row in rows], cursor="dead_letter_id")


async def pause(call: Call[Query, None]) -> Answer:
    """Let it wait."""
    return await _decide(call, ("queued", "running"), "paused", f"paused by {call.caller.name}")


async def resume(call: Call[Query, Resume]) -> Answer:
    """Let it go on."""
    return await _decide(call, ("paused", "running", "queued"), "running", None)


async def cancel(call: Call[Query, None]) -> Answer:
    """End it; what it did stays done."""
    return await _decide(call, ("queued", "running", "paused"), "cancelled", f"cancelled by {call.caller.name}")


async def _decide(call: Call[Any, Any], known: tuple[Status, ...], status: Status, said: str | None) -> Answer:
    per_second = call.body.per_second if isinstance(call.body, Resume) else None
    decision = {"id": call.id, "from_status": list(known), "status": status, "said": said, "per_second": per_second}
    row = await call.db.one(OPERATIONS_SQL.set_status, **decision)
    if row is None:
        now = (await _one(call))["status"]
        raise call.problem(409, "status", f"it is {now}")
    return Answer(BulkOperation.of(row))


async def _one(call: Call[Any, Any]) -> Any:
    return call.found(await call.db.one(OPERATIONS_SQL.get_operation, id=call.id), "operation")


def _meant(call: Call[Any, Any]) -> dict[str, Any]:
    """Return the arguments of the queries that say which dead letters are meant."""
    body = call.body
    narrowed = any(getattr(body, name) for name in _MEANT)
    if narrowed == body.all:
        raise call.invalid("feedId", "required", "give feedId, code, cause or ofOperation, or else all: true")
    if body.overtaken and body.kind != "discard":
        raise call.invalid("overtaken", "kind", "goes with discard alone; a replay takes newer: skip or overwrite")
    return {"wanted": _WANTED[body.kind], **{name: getattr(body, name) for name in _MEANT}}


_COLLECTION = Collection("operations", "/api/operations", BulkOperation, "operation", versioned=False)
_EXAMPLE = {"kind": "replay", "code": "postgres.22003", "feedId": 7}
_LATE = {409: "it has ended, or is in that state already"}

OPERATIONS = (
    _COLLECTION.list(list_operations, query=ListQuery, summary="List operations, newest first"),
    Operation(
        name="operations.count",
        method="POST",
        path=f"{_COLLECTION.path}/count.json",
        summary="Count what an operation would do",
        description="The first half of an operation: nothing is changed.",
        scope=Scope.READ,
        body=Meant,
        example=_EXAMPLE,
        response=OperationCount,
        handler=count,
    ),
    _COLLECTION.create(
        create,
        summary="Replay, discard or restore all dead letters that were counted",
        description="A worker does it, part by part: look at it by its id.",
        body=OperationCreate,
        example={**_EXAMPLE, "maxId": 1234, "first": 10},
        problems={409: "nothing of what was counted is left"},
    ),
    _COLLECTION.get(get_operation),
    Operation(
        name="operation_items.list",
        method="GET",
        path=f"{_COLLECTION.path}/{{id}}/items.json",
        summary="List what an operation did",
        scope=Scope.READ,
        query=ItemQuery,
        response=list[OperationItem],
        handler=list_items,
    ),
    _COLLECTION.act("pause", pause, "Let an operation wait", problems=_LATE),
    _COLLECTION.act(
        "resume",
        resume,
        "Let an operation go on",
        body=Resume,
        body_optional=True,
        example={"perSecond": 10},
        problems=_LATE,
    ),
    _COLLECTION.act("cancel", cancel, "End an operation; what it did stays done", problems=_LATE),
)
