"""Runs of pulled feeds: fetch now, watch, cancel, approve what the guard held."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg
from pydantic import Field, StrictBool

from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.collection import Collection
from ingest.api.framework.models import INT64_MAX, Body, Page, Query, Resource
from ingest.api.framework.operation import Operation
from ingest.api.shared.feeds import pulled_feed, run_of
from ingest.feeds.runs import RUN_SQL, RunStatus


class FetchNow(Body):
    """How to fetch."""

    force: StrictBool = Field(False, description="parse and publish the file even if it is unchanged")
    dry_run: StrictBool = Field(
        False, description="read all of the file and hold it with what it would change; publish nothing until approved"
    )


class Run(Resource):
    """One fetch of a pulled feed."""

    id: int
    inventory_feed_id: int
    status: RunStatus
    stage: str | None = Field(
        description="what a run in progress is at: fetching, parsing, publishing, settling, cleaning"
    )
    trigger: str = Field(description="schedule, manual, or changed (the file changed while a run was interrupted)")
    dry_run: bool = Field(description="held whatever the file, for a person to look at what it would change")
    queued_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    bytes: int = Field(description="as transferred")
    fingerprint: str | None = Field(
        description="of the file and of the settings that it is read by: the same for the same items"
    )
    encoding: str | None = Field(description="character encoding of the file: given, declared or detected")
    rows_read: int = Field(description="rowsMapped + rowsRejected, and rowsFolded unless `duplicates` is last")
    rows_mapped: int
    rows_rejected: int
    rows_folded: int = Field(description="rows of an externalId that stands again, folded as `duplicates` says")
    attributes_skipped: int = Field(description="wrong attributes left out of items that went on (`badAttributes`)")
    rejects_left_out: int = Field(description="rejects that were counted and not kept")
    rejects_url: str | None = Field(description="the rejects as CSV")
    batches: int = Field(description="confirmed by the broker, those of missing items included")
    missing: int | None = Field(
        description="items set to quantity 0 because the file no longer had them; null: not looked for"
    )
    counts: dict[str, int] = Field(description="items by outcome, as they commit")
    settled: bool = Field(description="the counts are final")
    diff_url: str | None = Field(description="what a held run would change as CSV; diff.json tells it in numbers")
    approved_at: datetime | None
    error_code: str | None
    error: str | None = Field(description="why the run failed, was held or cancelled")
    note: str | None

    @classmethod
    def of_row(cls, row: Any) -> Run:
        """Return the resource of a row of `runs`."""
        known = dict(row)
        for name in ("bytes", "rows_read", "rows_mapped", "rows_rejected"):
            known[name] = known[name] or 0
        feed_id, run_id = known["feed_id"], known["id"]
        where = f"/api/inventory-feeds/{feed_id}/runs/{run_id}"
        told = known["rows_rejected"] or known["attributes_skipped"]
        known["rejects_url"] = f"{where}/rejects.csv" if told else None
        known["diff_url"] = f"{where}/diff.csv" if known["status"] == RunStatus.HELD else None
        return cls.of({**known, "inventory_feed_id": feed_id})


class RunQuery(Page):
    """Filters of the list."""

    status: RunStatus | None = Field(None, description="runs with this status")


async def fetch_now(call: Call[Query, FetchNow | None]) -> Answer:
    """Queue a run, or return the one that is active already."""
    await pulled_feed(call, must_be_enabled=True)
    how = call.body or FetchNow()
    async with call.db.transaction() as db:
        row = await db.one(RUN_SQL.queue_run, feed_id=call.id, trigger="manual", forced=how.force, dry_run=how.dry_run)
        row = row or await db.one(RUN_SQL.active_run, feed_id=call.id)
    if row is None:  # it ended between the two statements
        raise call.problem(409, "busy", "a run of this feed has just ended: try again", Retry_After="1")
    if row["dry_run"] != how.dry_run:  # nobody who asks for a dry run must be given one that publishes
        kind = "a dry run" if row["dry_run"] else f"run {row['id']}, which is no dry run,"
        raise call.problem(409, "busy", f"{kind} of this feed is in progress: wait for it, or cancel it")
    return _answer(row)


async def list_runs(call: Call[RunQuery, None]) -> Answer:
    """Return a page, newest first."""
    await pulled_feed(call)
    before = INT64_MAX if call.query.after is None else call.query.after
    limit = call.query.rows
    rows = await call.db.all(RUN_SQL.list_runs, feed_id=call.id, before=before, status=call.query.status, limit=limit)
    return call.page(rows, [Run.of_row(row) for row in rows])


async def get_run(call: Call[Query, None]) -> Answer:
    """Return one."""
    return _answer(await run_of(call), status=200)


async def cancel_run(call: Call[Query, None]) -> Answer:
    """Cancel one that is queued, in progress or held."""
    run = await run_of(call)
    row = await call.db.one(RUN_SQL.cancel_run, run_id=run["id"])
    if row is None:
        raise call.problem(409, "ended", f"the run is {run['status']} already")
    return _answer(row)


async def approve_run(call: Call[Query, None]) -> Answer:
    """Let a held run go on."""
    run = await run_of(call)
    if run["status"] == RunStatus.HELD:
        await pulled_feed(call, must_be_enabled=True)
    try:
        row = await call.db.one(RUN_SQL.approve_run, run_id=run["id"])
    except asyncpg.UniqueViolationError:  # another one was queued at the same moment
        row = None
    if row is None:
        run = await run_of(call)
        if run["status"] == RunStatus.HELD:
            raise call.problem(409, "busy", "another run of the feed is in progress: wait for it, or cancel it")
        raise call.problem(
            409, "not_held", f"the run is {run['status']}: {run['error'] or 'there is nothing to approve'}"
        )
    return _answer(row)


def _answer(row: Any, status: int | None = None) -> Answer:
    run = Run.of_row(row)
    where = f"/api/inventory-feeds/{run.inventory_feed_id}/runs/{run.id}.json"
    return Answer(run, status=status, headers={} if status else {"Location": where})


_COLLECTION = Collection("runs", "/api/inventory-feeds/{id}/runs", Run, "run", one="{run}", versioned=False)

OPERATIONS = (
    Operation(
        name="runs.fetch",
        method="POST",
        path="/api/inventory-feeds/{id}/fetch.json",
        summary="Fetch a feed now",
        description="Queues a run and answers it; when one is queued or in progress already, answers that one. A "
        "`dryRun` ends held with what it would change (diff.json), whatever the file, and does nothing until approved.",
        scope=Scope.WRITE,
        body=FetchNow,
        body_optional=True,
        example={"force": True},
        response=Run,
        status=202,
        problems={
            409: "the feed is disabled, or not fetched (`resourceType` webhook), or a dry run was asked for and a real "
            "one is in progress, or the other way round"
        },
        handler=fetch_now,
    ),
    _COLLECTION.list(
        list_runs,
        summary="List the runs of a feed, newest first",
        query=RunQuery,
        problems={409: "the feed is not fetched (`resourceType` webhook)"},
    ),
    _COLLECTION.get(get_run),
    _COLLECTION.act(
        "cancel",
        cancel_run,
        "Cancel a run",
        description="What it published before stays; a held run is dropped.",
        status=202,
        problems={409: "the run has ended"},
    ),
    _COLLECTION.act(
        "approve",
        approve_run,
        "Approve a held run",
        description="Applies the file as it was held: see its diff.json first. If it is another one by now, the guard "
        "looks at it again.",
        status=202,
        problems={409: "the run is not held, or another one is in progress"},
    ),
)
