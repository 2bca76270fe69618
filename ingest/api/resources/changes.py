"""The change stream: what committed windows changed, in order, by polling, long polling or server-sent events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any, Literal

import orjson
from aiohttp import web
from pydantic import BeforeValidator, Field, StrictBool

from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.models import Body, Query, Resource
from ingest.api.framework.operation import Operation
from ingest.api.shared.outcomes import Cause, Values
from ingest.changes.reader import CHANGES, Cursor, Page, TooOld, read
from ingest.changes.waiting import WAITING, Full
from schemas.changes import INVENTORY_CHANGED, STREAM_DAYS
from schemas.postgres import AWAY

LOOK_S = 0.25
"""Seconds between two looks for somebody who waits."""
MAX_WAIT_S = 30
STREAM_S = 600.0
"""A stream of server-sent events ends after this, so that a revoked token ends with it; clients come again."""
KEEP_ALIVE_S = 15.0
_NOW = "now"
_CursorText = Annotated[str, Field(pattern=r"^(now|[0-9]{1,18}\.[0-9]{1,11})$")]


def _cursor(text: Any) -> Any:
    return text if text == _NOW else Cursor.of(str(text))


class ChangesQuery(Query):
    """Where to begin, how much, how long to wait."""

    after: Annotated[Cursor | Literal["now"], BeforeValidator(_cursor, json_schema_input_type=_CursorText)] | None = (
        Field(None, description="the `cursor` of the answer before; `now` begins here; without it: all that is kept")
    )
    limit: int = Field(
        100, ge=1, le=500, description="changes of one answer; those of one batch (up to 50) stay together"
    )
    wait: int = Field(0, ge=0, le=MAX_WAIT_S, description="seconds to wait while there is nothing (long polling)")


class FeedVariantChange(Cause):
    """What a committed window changed of one feed variant."""

    id: str = Field(description="the same whenever and by whatever way it is told")
    action: Literal["created", "updated", "deleted", "connected"]
    inventory_feed_id: int
    inventory_feed_variant_id: int
    external_id: str
    variant_id: int | None = Field(description="connected to, after the change")
    changes: dict[str, Values] = Field(description="attribute → old and new, `variantId` included")
    details_changed: bool = Field(description="name, description, images and the like changed")


class Changes(Resource):
    """Changes in order, and where to go on."""

    changes: list[FeedVariantChange]
    cursor: str = Field(description="give it as `after`")
    more: bool = Field(description="there is more already")


class Stream(Resource):
    """What the account keeps of its changes."""

    enabled: bool = Field(description="keep what windows change: for the stream, webhooks, the queue and histories")
    queue: bool = Field(description="publish it to the exchange `feedline.changes` as well")


class StreamUpdate(Body):
    """Changes of it."""

    enabled: StrictBool = False
    queue: StrictBool = False


async def list_changes(call: Call[ChangesQuery, None]) -> Answer | web.StreamResponse:
    """Return a page, wait for one, or stream."""
    if not (await call.db.one(CHANGES.stream_get))["enabled"]:
        detail = 'the account keeps no changes: PUT /api/change-stream.json {"enabled": true} turns it on'
        raise call.problem(409, "disabled", detail)
    accept = call.request.headers.get("Accept", "")
    if "text/event-stream" in accept:
        return await _stream(call)
    after = await _begin(call, call.query.after)
    page = await _page(call, after)
    if not page.more and not page.events and call.query.wait:
        async with _waiting(call):
            until = time.monotonic() + call.query.wait
            while not page.events and time.monotonic() < until and not call.request.app[WAITING].ended:
                await asyncio.sleep(LOOK_S)
                page = await _page(call, page.cursor)
    body = {"changes": page.content, "cursor": str(page.cursor), "more": page.more}
    return Answer(body, headers={"Cache-Control": "no-store"})


async def _begin(call: Call[Any, Any], after: Cursor | Literal["now"] | None) -> Cursor | None:
    """Return the cursor to read from; `now` is what the stream's end is now."""
    if after is None or isinstance(after, Cursor):
        return after
    async with call.services.pool.acquire() as connection:
        return (await read(connection, call.account_id, None, [], 1)).cursor


async def _page(call: Call[Any, Any], after: Cursor | None) -> Page:
    try:
        async with call.services.pool.acquire() as connection:
            return await read(connection, call.account_id, after, [INVENTORY_CHANGED], call.query.limit)
    except TooOld:
        detail = (
            f"changes are kept {STREAM_DAYS} days and this cursor is older: begin with after=now, then read the feed "
            "variants as they are"
        )
        raise call.problem(410, "gone", detail) from None


@asynccontextmanager
async def _waiting(call: Call[Any, Any]) -> AsyncIterator[None]:
    try:
        with call.request.app[WAITING].one(call.account_id):
            yield
    except Full as full:
        detail = f"{full.most} requests of this account wait already"
        raise call.problem(429, "waiting", detail, Retry_After="5") from None


async def _stream(call: Call[Any, Any]) -> web.StreamResponse:
    """Send changes as server-sent events; `id` is a cursor, and stands at the last change of each batch."""
    seen = call.request.headers.get("Last-Event-ID")
    try:
        after = await _begin(call, Cursor.of(seen) if seen else call.query.after)
    except ValueError:
        raise call.problem(400, "cursor", "Last-Event-ID: expected a cursor as given by the stream") from None
    page = await _page(call, after)  # which may refuse the cursor, before the answer begins
    headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    async with _waiting(call):
        response = web.StreamResponse(headers=headers)
        await response.prepare(call.request)
        with suppress(ConnectionError, *AWAY):  # whoever reads comes again, with the cursor it has
            await _tell(call, response, page)
    return response


async def _tell(call: Call[Any, Any], response: web.StreamResponse, page: Page) -> None:
    end = time.monotonic() + STREAM_S
    spoke = 0.0
    while True:
        for event in page.events:
            await response.write(_told(event.content, Cursor(event.position, int(event.at.timestamp()))))
        now = time.monotonic()
        if page.events:
            spoke = now
        elif now - spoke > KEEP_ALIVE_S:
            await response.write(b"id: %s\n: here\n\n" % str(page.cursor).encode())
            spoke = now
        if now > end or call.request.app[WAITING].ended:
            return
        if not page.more:
            await asyncio.sleep(LOOK_S)
        page = await _page(call, page.cursor)


def _told(changes: list[dict[str, Any]], cursor: Cursor) -> bytes:
    lines = [b"event: inventory.changed\ndata: " + orjson.dumps(change) for change in changes]
    lines[-1] = b"id: " + str(cursor).encode() + b"\n" + lines[-1]
    return b"\n\n".join(lines) + b"\n\n"


async def get_stream(call: Call[Query, None]) -> Answer:
    """Return what is kept."""
    return Answer(Stream.of(await call.db.one(CHANGES.stream_get)))


async def update_stream(call: Call[Query, StreamUpdate]) -> Answer:
    """Turn it on or off."""
    async with call.db.transaction() as db:
        now = await db.one(CHANGES.stream_get)
        wanted = {"enabled": now["enabled"], "queue": now["queue"], **call.body.sent()}
        if wanted["queue"] and not wanted["enabled"]:
            raise call.invalid("queue", "value", "the queue needs the stream: send enabled true as well")
        await db.one(CHANGES.stream_set, enabled=wanted["enabled"])
        await db.one(CHANGES.queue_on if wanted["queue"] else CHANGES.queue_off)
    return Answer(Stream.of(wanted))


_STREAM = "/api/change-stream.json"

OPERATIONS = (
    Operation(
        name="changes.list",
        method="GET",
        path="/api/changes.json",
        summary="Read what changed, in order",
        description=(
            "After the commit, at least once, in order per feed variant. With `wait` the answer comes when there is "
            "something; with `Accept: text/event-stream` changes come as server-sent events. See docs/changes.md."
        ),
        scope=Scope.READ,
        query=ChangesQuery,
        response=Changes,
        problems={
            409: "the account keeps no changes",
            410: "the cursor is older than what is kept",
            429: "too many requests of the account wait already",
        },
        handler=list_changes,
    ),
    Operation(
        name="change_stream.get",
        method="GET",
        path=_STREAM,
        summary="Get what the account keeps of its changes",
        scope=Scope.READ,
        response=Stream,
        handler=get_stream,
    ),
    Operation(
        name="change_stream.update",
        method="PUT",
        path=_STREAM,
        summary="Keep changes, or stop keeping them",
        scope=Scope.ADMIN,
        body=StreamUpdate,
        example={"enabled": True, "queue": False},
        response=Stream,
        handler=update_stream,
    ),
)
