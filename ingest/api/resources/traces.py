"""The trace of a batch: where it was when, and in which process."""

from __future__ import annotations

import uuid
from datetime import datetime

from pydantic import Field

from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.models import Query, Resource
from ingest.api.framework.operation import Operation
from ingest.api.shared.traces import TRACES, steps


class Step(Resource):
    """One step of the way; null is not known."""

    step: str = Field(description="received, confirmed, delivered, window, committed or acked, in this order")
    at: datetime | None
    process: str | None
    note: str | None = None


class Trace(Resource):
    """The way of a batch that was applied."""

    batch_id: uuid.UUID
    feed_id: int
    steps: list[Step]


async def get_trace(call: Call[Query, None]) -> Answer:
    """Return the steps of a batch."""
    row = await call.db.one(
        TRACES.trace_get,
        batch_id=call.path["batch"],
        feeds=call.caller.only_feeds,
        shards=call.services.settings.shards,
    )
    if row is None:
        raise call.not_found("batch")
    return Answer(Trace.model_validate({**dict(row), "steps": steps(row)}))


OPERATIONS = (
    Operation(
        name="batches.trace",
        method="GET",
        path="/api/batches/{batch:uuid}/trace.json",
        summary="Get the way of an applied batch",
        description="Each step with its time and process; null is not known. A batch that waits is not found yet.",
        scope=Scope.READ,
        bound=True,
        response=Trace,
        handler=get_trace,
    ),
)
