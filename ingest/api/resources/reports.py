"""A feed's day: how many items ended how, and the reasons that came up most; read from a bounded number of rows."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.models import Query, Resource
from ingest.api.framework.operation import Operation
from ingest.api.shared.feeds import FEEDS
from ingest.api.shared.outcomes import Totals
from ingest.feeds.usage_forecast import begins_at
from schemas import queries
from schemas.outcomes import Outcome
from schemas.usage import account_day, resets_at, zone

REPORTS = queries.load("reports", beside=__file__)
MOST_RECEIPTS, MOST_RUNS, MOST_REASONS = 5_000, 200, 20


def _day(text: Any) -> Any:
    return date.fromisoformat(str(text))


_FIRST, _LAST = date(1970, 1, 1), date(9000, 1, 1)
Day = Annotated[date, BeforeValidator(_day, json_schema_input_type=date)]


class ReportQuery(Query):
    """Which day."""

    day: Day | None = Field(None, description="of the account's; without it today")


class Reason(Resource):
    """Why items did not become what was sent, and the newest of them."""

    outcome: Outcome
    code: str
    field: str | None
    items: int
    batch_id: uuid.UUID
    external_id: str | None
    message: str | None


class RowReason(Resource):
    """Why rows of the feed's file became no items, and one of them."""

    code: str
    field: str | None
    rows: int
    run_id: int
    external_id: str | None
    message: str | None


class Report(Resource):
    """A feed's day."""

    inventory_feed_id: int
    day: date
    time_zone: str
    begins_at: datetime
    ends_at: datetime
    outcomes: Totals = Field(description="of the items applied that day; kept for 7 days")
    greatest_lag_ms: int | None = Field(description="the longest an item waited between receipt and table")
    reasons: list[Reason] = Field(description=f"the first {MOST_REASONS} of items received that day, as receipts tell")
    receipts_looked_at: int = Field(
        description=f"the day's newest, {MOST_RECEIPTS:,} at most: with more, `reasons` are a sample"
    )
    runs: int = Field(description=f"that ended that day, of the feed's last {MOST_RUNS}")
    rows_read: int
    rows_rejected: int = Field(description="rows of the file that became no items")
    row_reasons: list[RowReason] = Field(description=f"the first {MOST_REASONS}, of the rejects that are kept")


async def get_report(call: Call[ReportQuery, None]) -> Answer:
    """Return the report of a day."""
    call.found(await call.db.one(FEEDS.feed_get, id=call.id), "inventory feed")
    name = await call.db.one(REPORTS.zone)
    known = zone(name)
    day = call.query.day or account_day(int(datetime.now(UTC).timestamp() * 1000), known)
    if not _FIRST <= day <= _LAST:
        raise call.invalid("day", "range", f"expected a day from {_FIRST} to {_LAST}")
    begin, end = begins_at(day, known), resets_at(day, known)
    asked = {"id": call.id, "begins_at": begin, "ends_at": end}
    totals = await call.db.one(REPORTS.totals, **asked)
    reasons = await call.db.all(REPORTS.reasons, **asked, most=MOST_RECEIPTS, shown=MOST_REASONS)
    runs = await call.db.one(REPORTS.runs, **asked, most=MOST_RUNS)
    rows = await call.db.all(REPORTS.row_reasons, **asked, most=MOST_RUNS, shown=MOST_REASONS)
    answer = {
        **asked,
        **runs,
        "inventory_feed_id": call.id,
        "day": day,
        "time_zone": name,
        "outcomes": Totals.of(totals),
        "greatest_lag_ms": totals["greatest_lag_ms"],
        "reasons": [Reason.of(row) for row in reasons if row["outcome"] is not None],
        "receipts_looked_at": reasons[0]["looked_at"],
        "row_reasons": [RowReason.of(row) for row in rows],
    }
    return Answer(Report.of(answer))


OPERATIONS = (
    Operation(
        name="reports.get",
        method="GET",
        path="/api/inventory-feeds/{id}/report.json",
        summary="Get the report of a feed's day",
        description="Totals by outcome and the reasons that came up most. Totals count items when they were applied, "
        "reasons when they were received.",
        scope=Scope.READ,
        bound=True,
        query=ReportQuery,
        response=Report,
        problems={422: "there is no such day"},
        handler=get_report,
    ),
)
