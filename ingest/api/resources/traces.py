"""The trace of a batch: where it was when, and in which process."""

from __future__ import annotations

import time
import uuid
from datetime import datetime
from typing import Literal

from pydantic import Field

from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.models import Query, Resource
from ingest.api.framework.operation import Operation
from ingest.api.shared.traces import TRACES, steps, steps_of_waiting
from ingest.api.shared.waiting import WAITING, waiting_of


class TraceStep(Resource):
    """One step of the way; null is not known."""

    step: str = Field(description="received, confirmed, delivered, window, committed or acked, in this order")
    at: datetime | None
    process: str | None
    note: str | None = Field(description="what is known beside, or instead of the time")


class Trace(Resource):
    """The way of a batch."""

    batch_id: uuid.UUID
    feed_id: int
    status: Literal["pending", "done", "lost?"] = Field(description="as in its receipt")
    steps: list[TraceStep]


async def get_trace(call: Call[Query, None]) -> Answer:
    """Return the steps of a batch."""
    known = call.found(await _applied(call) or await _waiting(call), "batch")
    return Answer(known)


async def _applied(call: Call[Query, None]) -> Trace | None:
    row = await call.db.one(TRACES.trace_get, batch_id=call.path["batch"], feeds=call.caller.only_feeds)
    return row and Trace(batch_id=row["batch_id"], feed_id=row["feed_id"], status="done", steps=_models(steps(row)))


async def _waiting(call: Call[Query, None]) -> Trace | None:
    settings, batch_id = call.services.settings, call.path["batch"]
    feeds = await call.db.all(WAITING.waiting_feeds, feeds=call.caller.only_feeds, shards=settings.shards)
    waiting = waiting_of(batch_id, feeds, settings, time.time_ns() // 1_000_000)
    if waiting is None:
        return None
    return await _applied(call) or Trace(
        batch_id=batch_id,
        feed_id=waiting.state["id"],
        status=waiting.status,
        steps=_models(steps_of_waiting(waiting)),
    )


def _models(found: list[dict[str, object]]) -> list[TraceStep]:
    return [TraceStep.model_validate(one) for one in found]


OPERATIONS = (
    Operation(
        name="batches.trace",
        method="GET",
        path="/api/batches/{batch:uuid}/trace.json",
        summary="Get the way of a batch",
        description="Each step with its time and process; null is not known. One that waits: how its queue stands.",
        scope=Scope.READ,
        bound=True,
        response=Trace,
        handler=get_trace,
    ),
)
