"""The preview of a pulled feed: what its file, or an uploaded sample, would give. Nothing is written."""

from __future__ import annotations

import asyncio
import email
import hashlib
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from pydantic import Field

from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.models import Query, Resource
from ingest.api.framework.operation import Operation
from ingest.api.framework.turns import Turns
from ingest.api.shared.feeds import pulled_feed
from ingest.feeds.runs import RUN_SQL
from ingest.feeds.would_change import would_change
from ingest.http.problems import ProblemError
from ingest.pull.fetch import FetchContext, Fetched, FetchUnavailable, Validators, fetch
from ingest.pull.parse.beginning import MAX_RECORDS, Beginning
from ingest.pull.parse.process.files import FileParser
from ingest.pull.parse.process.parsers import ParserDiedError
from ingest.pull.run.feed import PulledFeed
from schemas.errors import Permanent, Rejected

MAX_SAMPLE_BYTES = 8 * 2**20
_MAX_FETCH_BYTES = 256 * 2**20
_TIMES = {"connect_timeout_ms": 5_000, "read_timeout_ms": 10_000, "total_timeout_ms": 25_000}
_TURNS = Turns()
"""Each preview may hold a file on disk."""
_SAMPLE_TYPES = (
    "text/csv",
    "text/plain",
    "text/tab-separated-values",
    "application/xml",
    "text/xml",
    "application/rss+xml",
    "application/gzip",
    "application/zip",
    "application/octet-stream",
    "multipart/form-data",
)


class PreviewQuery(Query):
    """How much to show."""

    limit: int = Field(20, ge=1, le=250, description="items to show")


class PreviewChange(Resource):
    """One attribute that would change."""

    field: str
    stored: Any
    new: Any


class PreviewItem(Resource):
    """One mapped item."""

    row: int
    outcome: str = Field(description="what would become of it: created, updated, unchanged (the daily limit apart)")
    changes: list[PreviewChange] = Field(description="against what is stored")
    item: dict[str, Any]


class PreviewReject(Resource):
    """Why a row was refused."""

    row: int = Field(description="counted from 1 as people do; a CSV's header is row 1")
    external_id: str | None
    field: str | None
    column: str | None
    code: str
    message: str
    value: Any
    skipped: bool = Field(description="the attribute alone is left out, and the item goes on")


class PreviewColumn(Resource):
    """A column or path that was found, with sample values."""

    name: str
    samples: list[Any]
    ignored: bool = Field(description="no attribute takes it")


class Preview(Resource):
    """What a file would give."""

    source: str = Field(description="the address, credentials masked; or `sample`")
    bytes: int
    encoding: str | None
    delimiter: str | None
    complete: bool = Field(description="false: the file breaks off; a run of it would be held")
    reason: str | None
    error: str | None = Field(description="why the file cannot be read with the feed's settings")
    rows_read: int = Field(description=f"a preview reads about {MAX_RECORDS:,} rows at most")
    rows_mapped: int
    rows_rejected: int
    rows_folded: int = Field(description="rows of an externalId that stands again, folded as `duplicates` says")
    attributes_skipped: int
    counts: dict[str, int] = Field(description="shown items by the outcome they would have")
    items: list[PreviewItem]
    rejects: list[PreviewReject]
    columns: list[PreviewColumn]


async def preview(call: Call[PreviewQuery, Any]) -> Answer:
    """Fetch, or take the sample, and look at the beginning of it."""
    row = await pulled_feed(call)
    try:
        feed = PulledFeed.of(row, call.services.vault)
        form = feed.format()
        async with _TURNS.turn(call.account_id) as mine:
            if not mine:
                raise call.problem(
                    429, "busy", "too many previews at once: try again when one has ended", Retry_After="5"
                )
            async with _file(call, feed) as fetched:
                parser = FileParser(call.services.settings, call.services.parsers)
                looked = await parser.look(fetched, form, call.query.limit)
    except FetchUnavailable as error:
        raise call.problem(502, str(error.code), str(error)) from None
    except ProblemError:
        raise
    except ParserDiedError as error:
        raise call.problem(422, "unreadable", str(error)) from None
    except (Rejected, Permanent) as error:
        raise call.problem(422, str(getattr(error, "code", "settings")), str(error)) from None
    return Answer(await _answer(call, feed, fetched, looked))


async def _answer(call: Call[Any, Any], feed: PulledFeed, fetched: Fetched, looked: Beginning) -> Preview:
    keys = [item["externalId"] for _, item in looked.items]
    rows = await call.db.all(RUN_SQL.stored_items, feed_id=feed.id, external_ids=keys)
    stored = {row["external_id"]: row for row in rows}
    items = []
    for number, item in looked.items:
        outcome, changes = would_change(item, stored.get(item["externalId"]))
        changed = [PreviewChange.of(change) for change in changes]
        items.append(PreviewItem.of({"row": number, "outcome": outcome, "changes": changed, "item": item}))
    outcomes = [item.outcome for item in items]
    report = looked.report
    ignored = set(report.ignored)
    return Preview.of(
        {
            **report.as_json(),
            "source": fetched.url,
            "bytes": fetched.size,
            "error": looked.error,
            "counts": {outcome: outcomes.count(outcome) for outcome in dict.fromkeys(outcomes)},
            "items": items,
            "rejects": [
                PreviewReject.of({**reject, "row": reject["index"], "external_id": reject["externalId"]})
                for reject in looked.rejects
            ],
            "columns": [
                PreviewColumn.of({"name": name, "samples": samples, "ignored": name in ignored})
                for name, samples in looked.columns.items()
            ],
        }
    )


@asynccontextmanager
async def _file(call: Call[Any, Any], feed: PulledFeed) -> AsyncIterator[Fetched]:
    """Give the sample of the body, or else the fetched file; its spool file is gone afterwards."""
    context = FetchContext.of(call.services.settings)
    sample = _sample(call)
    if sample is None:
        limits = replace(
            context.limits, attempts=1, max_bytes=min(context.limits.max_bytes, _MAX_FETCH_BYTES), **_TIMES
        )
        # Without validators: a preview of an unchanged file shows it too.
        fetched = await fetch(feed.request(), replace(context, limits=limits))
        assert isinstance(fetched, Fetched), "nothing to be unmodified since"
    else:
        fetched = await asyncio.to_thread(partial(_spooled, sample, context.folder, call.request.charset))
    try:
        yield fetched
    finally:
        fetched.discard()


def _spooled(sample: bytes, folder: Path, charset: str | None) -> Fetched:
    with tempfile.NamedTemporaryFile(prefix="feedline-pull-", dir=folder, delete=False) as file:
        file.write(sample)
    content_hash = hashlib.sha256(sample).hexdigest()
    validators = Validators(content_hash=content_hash)
    return Fetched(Path(file.name), len(sample), content_hash, validators, "sample", charset=charset)


def _sample(call: Call[Any, Any]) -> bytes | None:
    """Return the sample in the body: the body itself, the file of a form, or the text at `sample` of a JSON object."""
    body = call.body
    if body is None:
        return None
    if isinstance(body, bytes):
        if call.request.content_type != "multipart/form-data":
            return body
        header = f"Content-Type: {call.request.headers['Content-Type']}\r\n\r\n".encode()
        for part in email.message_from_bytes(header + body).walk():
            content = None if part.is_multipart() else part.get_payload(decode=True)
            if isinstance(content, bytes):
                return content
        raise call.problem(422, "no_sample", "the form holds no file")
    if isinstance(body, dict) and isinstance(body.get("sample"), str):
        return str(body["sample"]).encode()
    if body == {}:
        return None
    return orjson.dumps(body)


OPERATIONS = (
    Operation(
        name="inventory_feeds.preview",
        method="POST",
        path="/api/inventory-feeds/{id}/preview.json",
        summary="Preview what a feed's file would give",
        description="Without a body the file is fetched. A body is a sample to look at instead: the file itself (CSV, "
        'XML, JSON, also compressed), a form with the file, or `{"sample": "<text>"}`. Nothing is written.',
        scope=Scope.WRITE,
        query=PreviewQuery,
        body=Any,
        validated=False,
        body_optional=True,
        example={"sample": "externalId,inventoryQuantity\n1234,10\n"},
        media=_SAMPLE_TYPES,
        body_limit_bytes=MAX_SAMPLE_BYTES,
        response=Preview,
        problems={
            409: "the feed is not fetched (`resourceType` webhook)",
            422: "the file cannot be had or read: the code says why",
            502: "the vendor's server is away, busy or broke off",
        },
        handler=preview,
    ),
)
