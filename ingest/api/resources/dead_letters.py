"""Dead letters: items that could not be applied. List, inspect, replay, discard; one or many by a filter."""

from __future__ import annotations

import base64
import uuid
from datetime import UTC, datetime
from typing import Any, Literal

import orjson
from pydantic import Field, StrictBool

from ingest.amqp.publish import Unavailable
from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.collection import Collection
from ingest.api.framework.models import INT64_MAX, Body, Id, Page, Query, Resource
from ingest.api.framework.operation import Operation
from ingest.api.shared.road import away
from schemas import dead_letters
from schemas.attributes import ShortText
from schemas.batches import decode
from schemas.dead_letters import MAX_FOUND, Filter
from schemas.errors import Permanent

Status = Literal["dead", "replayed", "discarded"]


class DeadLetter(Resource):
    """One item that could not be applied, and why."""

    id: int
    feed_id: int | None
    batch_id: uuid.UUID | None
    external_id: str | None
    code: str
    reason: str
    status: Status
    received_at: datetime | None
    dead_at: datetime
    settled_at: datetime | None = Field(description="when it was replayed or discarded")


class FullDeadLetter(DeadLetter):
    """A dead letter with the message that could not be applied."""

    payload: Any = Field(description="the batch; base64 text when it is not JSON")


class DeadLetterQuery(Page):
    """Filters of the list."""

    feed_id: int | None = Field(None, ge=1, le=INT64_MAX, description="of this feed")
    code: ShortText | None = Field(None, description="with this code")
    status: Status | None = Field(None, description="with this status")
    cause: ShortText | None = Field(None, description="of this cause, as the list of groups names it")


class Which(Body):
    """Which dead letters are meant: by ids or by a filter; for all of the account say `all`."""

    ids: list[Id] | None = Field(None, max_length=MAX_FOUND)
    feed_id: Id | None = None
    code: ShortText | None = None
    all: StrictBool = False


class Settled(Resource):
    """What a bulk operation did."""

    settled: list[int] = Field(description="ids of what was replayed or discarded")
    unreadable: list[int] = Field(description="ids of what is no batch, and cannot be replayed")
    more: bool = Field(description=f"at most {MAX_FOUND:,} at a time: ask again for the rest")


async def list_dead_letters(call: Call[DeadLetterQuery, None]) -> Answer:
    """Return a page, oldest first."""
    query = call.query
    wanted = Filter(
        call.account_id,
        feed_id=query.feed_id,
        code=query.code,
        status=query.status,
        after=query.after or 0,
        limit=query.rows,
        cause=query.cause,
    )
    async with call.db.connected() as connection:
        letters = await dead_letters.find(connection, wanted)
    rows = [{"id": letter.id} for letter in letters]
    return call.page(rows, [DeadLetter.model_validate(letter, from_attributes=True) for letter in letters])


async def get_dead_letter(call: Call[Query, None]) -> Answer:
    """Return one with its payload."""
    async with call.db.connected() as connection:
        letters = await dead_letters.find(connection, Filter(call.account_id, ids=[call.id]))
    if not letters:
        raise call.not_found("dead letter")
    known = DeadLetter.model_validate(letters[0], from_attributes=True)
    return Answer(FullDeadLetter.of({**dict(known), "payload": _readable(letters[0].payload)}))


async def replay_one(call: Call[Query, None]) -> Answer:
    """Replay one."""
    await _must_be_dead(call)
    settled = await _replay(call, Filter(call.account_id, ids=[call.id]))
    if settled.unreadable:
        raise call.problem(409, "unreadable", "the message is no batch, and cannot be replayed: discard it")
    return await get_dead_letter(call)


async def discard_one(call: Call[Query, None]) -> Answer:
    """Discard one."""
    await _must_be_dead(call)
    async with call.db.connected() as connection:
        await dead_letters.discard(connection, Filter(call.account_id, ids=[call.id]), now=datetime.now(UTC))
    return await get_dead_letter(call)


async def restore_one(call: Call[Query, None]) -> Answer:
    """Take back that one was discarded."""
    async with call.db.connected() as connection:
        letters = await dead_letters.find(connection, Filter(call.account_id, ids=[call.id]))
        if not letters:
            raise call.not_found("dead letter")
        if not await dead_letters.restore(connection, [call.id]):
            raise call.problem(409, "settled", f"it is {letters[0].status}, not discarded")
    return await get_dead_letter(call)


async def replay_many(call: Call[Query, Which]) -> Answer:
    """Replay what is meant."""
    return Answer(await _replay(call, _meant(call)))


async def discard_many(call: Call[Query, Which]) -> Answer:
    """Discard what is meant."""
    async with call.db.connected() as connection:
        settled = await dead_letters.discard(connection, _meant(call), now=datetime.now(UTC))
    return Answer(Settled(settled=settled, unreadable=[], more=len(settled) == MAX_FOUND))


async def _replay(call: Call[Any, Any], wanted: Filter) -> Settled:
    services = call.services
    async with call.db.connected() as connection:
        try:
            replayed, unreadable = await dead_letters.replay(
                connection, wanted, services.publisher.publish, now=datetime.now(UTC), key=services.settings.key
            )
        except Unavailable as error:
            raise away(call, error) from None
    return Settled(settled=replayed, unreadable=unreadable, more=len(replayed) + len(unreadable) == MAX_FOUND)


async def _must_be_dead(call: Call[Any, Any]) -> None:
    async with call.db.connected() as connection:
        letters = await dead_letters.find(connection, Filter(call.account_id, ids=[call.id]))
    if not letters:
        raise call.not_found("dead letter")
    if letters[0].status != "dead":
        raise call.problem(409, "settled", f"it is {letters[0].status} already")


def _meant(call: Call[Query, Which]) -> Filter:
    which = call.body
    narrowed = which.ids is not None or which.feed_id is not None or which.code is not None
    if narrowed == which.all:
        raise call.invalid("ids", "required", "give ids, feedId or code, or else all: true")
    return Filter(call.account_id, ids=which.ids, feed_id=which.feed_id, code=which.code)


def _readable(payload: bytes) -> Any:
    """Return a batch with its items as objects, whichever version it came in, and anything else as it is."""
    try:
        return decode(payload).as_json()
    except Permanent:
        pass
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return base64.b64encode(payload).decode()


_SETTLED = {409: "it was replayed or discarded already, or cannot be read"}
_AWAY = {503: "the broker did not take it"}
_COLLECTION = Collection("dead_letters", "/api/dead-letters", FullDeadLetter, "dead letter", versioned=False)

OPERATIONS = (
    _COLLECTION.list(
        list_dead_letters,
        summary="List dead letters, oldest first",
        query=DeadLetterQuery,
        response=list[DeadLetter],
    ),
    _COLLECTION.get(get_dead_letter, summary="Get a dead letter with its payload"),
    _COLLECTION.act(
        "replay",
        replay_one,
        "Replay a dead letter",
        description="Sends its item down the road again, as received now.",
        problems=_SETTLED | _AWAY,
    ),
    _COLLECTION.act(
        "discard",
        discard_one,
        "Discard a dead letter",
        description="It stays listed, with its payload.",
        problems=_SETTLED,
    ),
    _COLLECTION.act(
        "restore",
        restore_one,
        "Restore a discarded dead letter",
        description="It can be replayed again, as long as it is kept (30 days).",
        problems={409: "it is not discarded"},
    ),
    Operation(
        name="dead_letters.replay_many",
        method="POST",
        path=f"{_COLLECTION.path}/replay.json",
        summary="Replay dead letters by ids or by a filter",
        scope=Scope.WRITE,
        body=Which,
        example={"code": "permanent"},
        response=Settled,
        problems=_AWAY,
        handler=replay_many,
    ),
    Operation(
        name="dead_letters.discard_many",
        method="POST",
        path=f"{_COLLECTION.path}/discard.json",
        summary="Discard dead letters by ids or by a filter",
        scope=Scope.WRITE,
        body=Which,
        example={"ids": [1, 2, 3]},
        response=Settled,
        handler=discard_many,
    ),
)
