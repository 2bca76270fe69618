"""Receipts: what became of the items of a batch. And the account's usage of its day."""

from __future__ import annotations

import re
import time
import uuid
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NamedTuple

import orjson
from aiohttp import web
from pydantic import Field

from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.collection import Collection
from ingest.api.framework.cursors import cursor
from ingest.api.framework.downloads import csv_file, download
from ingest.api.framework.models import INT64_MAX, MAX_PAGE, Query, Resource, When
from ingest.api.framework.operation import Operation
from ingest.api.shared.waiting import WAITING, waiting_of
from schemas import queries, receipts
from schemas.batches import Source, same_key_range
from schemas.outcomes import Outcome
from schemas.usage import Usage as DayUsage

RECEIPTS = queries.load("receipts", beside=__file__)


class Cursor(NamedTuple):
    """Where a page ended: the last batch's receive time and id."""

    at: datetime
    batch_id: uuid.UUID


_CURSOR = re.compile(r"^([0-9]{1,10}(?:\.[0-9]{1,6})?)_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$", re.ASCII)


def _cursor(of: re.Match[str]) -> Cursor:
    return Cursor(datetime.fromtimestamp(float(of[1]), UTC), uuid.UUID(of[2]))


class Day(Resource):
    """The account's day in its own time zone, and what the daily SKU limit still takes."""

    day: str
    time_zone: str
    limit: int | None = Field(description="feed variants that may be created or changed a day; null: unlimited")
    used: int = Field(description="feed variants created or changed today")
    deferred: int = Field(description="items that wait for room")
    remaining: int | None
    resets_at: datetime


class Receipt(Resource):
    """A batch and how many of its items ended how."""

    batch_id: uuid.UUID
    feed_id: int
    status: Literal["pending", "done", "lost?"] = Field(
        description="`lost?`: its queue has nothing left of that time, and no worker had it: send it again"
    )
    source: Source | None
    run_id: int | None = Field(description="the run of a pulled feed that made it")
    received_at: datetime | None = Field(description="null while a batch with an Idempotency-Key is pending")
    applied_at: datetime | None
    counts: dict[str, int] = Field(description="items by outcome")


class ReceiptItem(Resource):
    """An item that is not simply created or updated, and why."""

    index: int | None = Field(description="position in the post, from 0; row of the file for pulled feeds")
    external_id: str | None
    outcome: Outcome
    field: str | None = None
    code: str | None = None
    message: str | None = None
    value: Any = None
    warnings: list[dict[str, Any]] | None = None


class BatchWarning(Resource):
    """Something about the whole batch that its sender should know."""

    code: str = Field(description="`idempotency_key.reused`: another body was sent with the same key")
    message: str
    batch_ids: list[uuid.UUID] = Field(description="the other batches, at most 10")


class FullReceipt(Receipt):
    """A receipt with its items."""

    warnings: list[BatchWarning] = Field(description="about the batch as a whole")
    items: list[ReceiptItem] = Field(description="every item that is not simply created or updated, with its reason")
    usage: Day = Field(description="the account's day now")


class ReceiptQuery(Query):
    """Filters of the list."""

    limit: int = Field(50, ge=1, le=MAX_PAGE, description="receipts of one page")
    after: Annotated[Cursor, cursor(_CURSOR, _cursor)] | None = Field(
        None, description="continue after this one; as given by the `Link` header"
    )
    feed_id: int | None = Field(None, ge=1, le=INT64_MAX, description="batches of this feed")
    received_from: When | None = Field(None, description="received at this time or later")
    received_to: When | None = Field(None, description="received before this time")
    outcome: Outcome | None = Field(None, description="batches with at least one item of this outcome")


async def list_batches(call: Call[ReceiptQuery, None]) -> Answer:
    """Return a page of receipts, newest first."""
    query = call.query
    rows = await call.db.all(
        RECEIPTS.receipt_list,
        feeds=call.caller.only_feeds,
        feed_id=query.feed_id,
        received_from=query.received_from,
        received_to=query.received_to,
        outcome=query.outcome,
        before_at=query.after and query.after.at,
        before_id=query.after and query.after.batch_id,
        limit=query.rows,
    )
    return call.page(rows, [Receipt.model_validate(_done(row)) for row in rows], cursor="cursor")


async def get_batch(call: Call[Query, None]) -> Answer:
    """Return a receipt, or `pending` for a batch that waits in the queue."""
    row = await _receipt(call)
    if row is None:
        pending = await _pending(call)
        row = await _receipt(call)  # it may have come between the two looks
    known = {**pending, "items": []} if row is None else {**_done(row), "items": _items(row)}
    more = {"usage": await usage_now(call), "warnings": await _warnings(call)}
    return Answer(FullReceipt.model_validate(known | more))


async def rejects_json(call: Call[Query, None]) -> Answer:
    """Return the rejects of a batch."""
    return Answer([ReceiptItem.model_validate(item) for item in await _rejects(call)])


async def rejects_csv(call: Call[Query, None]) -> web.Response:
    """Return the rejects of a batch as a file."""
    header = ("index", "externalId", "field", "code", "message", "value")
    rows = [[item.get(name) for name in header] for item in await _rejects(call)]
    return csv_file(f"batch-{call.path['batch']}-rejects.csv", header, rows)


async def get_usage(call: Call[Query, None]) -> Answer:
    """Return the account's day."""
    return Answer(Day.model_validate(await usage_now(call)))


async def usage_now(call: Call[Any, Any]) -> dict[str, Any]:
    """Return the account's usage (`schemas.usage.Usage.as_json`) of the day that it is now."""
    row = await call.db.one(RECEIPTS.usage_get, at=datetime.now(UTC), feeds=call.caller.only_feeds)
    day = DayUsage(row["day"], row["time_zone"], row["daily_sku_limit"], row["used"], row["deferred"])
    return _snake(day.as_json())


async def _warnings(call: Call[Any, Any]) -> list[dict[str, Any]]:
    """Return the warning of a batch whose Idempotency-Key came with another body too: one of them may be a mistake."""
    span = same_key_range(call.path["batch"])
    if span is None:
        return []
    first, last = span
    rows = await call.db.all(RECEIPTS.receipts_of_key, first=first, last=last, batch_id=call.path["batch"])
    if not rows:
        return []
    told = "its Idempotency-Key was sent with another body too; each body is a batch of its own"
    return [{"code": "idempotency_key.reused", "message": told, "batch_ids": [row["batch_id"] for row in rows]}]


def _snake(usage: dict[str, Any]) -> dict[str, Any]:
    return {**usage, "time_zone": usage["timeZone"], "resets_at": usage["resetsAt"]}


def _done(row: Any) -> dict[str, Any]:
    return {**dict(row), "status": "done", "counts": orjson.loads(row["counts"])}


def _items(row: Any) -> list[dict[str, Any]]:
    return [{**item, "external_id": item.get("externalId")} for item in receipts.decode(row["items"])]


async def _rejects(call: Call[Any, Any]) -> list[dict[str, Any]]:
    row = await _receipt(call)
    if row is None:
        await _pending(call)
        raise call.problem(409, "pending", "the batch waits in the queue: ask again when its status is done")
    return [item for item in _items(row) if item["outcome"] == Outcome.REJECTED]


async def _receipt(call: Call[Any, Any]) -> Any:
    return await call.db.one(RECEIPTS.receipt_get, batch_id=call.path["batch"], feeds=call.caller.only_feeds)


async def _pending(call: Call[Any, Any]) -> dict[str, Any]:
    """Return the receipt of a batch that no table knows yet: its id proves that we gave it out (`schemas.batches`)."""
    settings = call.services.settings
    feeds = await call.db.all(WAITING.waiting_feeds, feeds=call.caller.only_feeds, shards=settings.shards)
    waiting = waiting_of(call.path["batch"], feeds, settings, time.time_ns() // 1_000_000)
    if waiting is None:
        raise call.not_found("batch")
    return {
        "batch_id": call.path["batch"],
        "feed_id": waiting.state["id"],
        "status": waiting.status,
        "source": None,
        "run_id": None,
        "received_at": waiting.received_at,
        "applied_at": None,
        "counts": {},
    }


_COLLECTION = Collection("batches", "/api/batches", Receipt, "receipt", one="{batch:uuid}", versioned=False)
_ALSO_OF_VENDORS = {"bound": True, "vendor": True}
_WAITS = {409: "the batch waits in the queue"}

OPERATIONS = (
    _COLLECTION.list(
        list_batches,
        summary="List receipts, newest first",
        description="Receipts of batches that were applied; those that wait in the queue are not listed.",
        query=ReceiptQuery,
        **_ALSO_OF_VENDORS,
    ),
    _COLLECTION.get(
        get_batch,
        summary="Get the receipt of a batch",
        description="`pending` while the batch waits in the queue; `lost?` when it cannot be there any more. "
        "Receipts are kept `RECEIPT_DAYS` (7).",
        response=FullReceipt,
        **_ALSO_OF_VENDORS,
    ),
    _COLLECTION.read(
        "rejects",
        rejects_json,
        "List the rejects of a batch",
        response=list[ReceiptItem],
        problems=_WAITS,
        **_ALSO_OF_VENDORS,
    ),
    download(
        "batches.rejects_csv",
        "/api/batches/{batch:uuid}/rejects.csv",
        rejects_csv,
        "Download the rejects of a batch as CSV",
        bound=True,
        vendor=True,
        problems=_WAITS,
    ),
    Operation(
        name="usage.get",
        method="GET",
        path="/api/usage.json",
        summary="Get today's usage of the daily SKU limit",
        scope=Scope.READ,
        bound=True,
        vendor=True,
        response=Day,
        handler=get_usage,
    ),
)
