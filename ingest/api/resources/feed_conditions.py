"""How feeds are doing: each with a word, a reason and the strip of its last runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Self

from pydantic import Field

from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.models import INT64_MAX, Page, Resource
from ingest.api.framework.operation import Operation
from ingest.feeds.conditions import Condition, Facts, Judged, judge
from ingest.feeds.runs import RunStatus
from ingest.feeds.schedules import Frequency, Schedule
from ingest.feeds.settings import FeedSettings, ResourceType
from schemas import queries

CONDITIONS = queries.load("feed_conditions", beside=__file__)
MOST_RUNS = 30
_NAMES = ("fetchFrequency", "automatedFetching", "fetchCron", "fetchTimeZone")
_DEFAULTS = FeedSettings().model_dump(mode="json", by_alias=True)
_SCHEDULED = {name: _DEFAULTS[name] for name in _NAMES}


class RunMark(Resource):
    """One of a feed's last runs."""

    id: int
    status: RunStatus
    ended_at: datetime | None
    rows_read: int | None
    rows_mapped: int | None
    rows_rejected: int | None


class FeedCondition(Resource):
    """A feed, and how it is doing."""

    id: int
    name: str
    resource_type: ResourceType
    enabled: bool
    dropship_provider_id: int | None
    provider_name: str | None
    condition: Condition
    reason: str = Field(description="why this word")
    since: datetime | None
    last_good_at: datetime | None = Field(description="the last usable file, or the last post")
    next_fetch_at: datetime | None
    last_run_id: int | None
    previous_hash_until: datetime | None = Field(description="until when the hash before the last change still works")
    runs: list[RunMark] = Field(description="the last 30, newest first")

    @classmethod
    def of_row(cls, row: Any, facts: Facts, judged: Judged, runs: list[dict[str, Any]]) -> Self:
        """Return the resource of a row of `conditions`, as it was judged."""
        known = {"condition": judged.condition, "reason": judged.reason, "since": judged.since}
        return cls.of({**row, **known, "last_good_at": facts.last_good_at, "runs": runs})


class ConditionQuery(Page):
    """Which feeds."""

    feed_id: int | None = Field(None, ge=1, le=INT64_MAX, description="just this feed")
    condition: Condition | None = Field(None, description="of a page, just the feeds in this condition")
    runs: int = Field(MOST_RUNS, ge=0, le=MOST_RUNS, description="how many of its last runs to show of each")


def facts_of(row: Any) -> Facts:
    """Return what a feed is judged by, from a row of `conditions`."""
    pulled = row["resource_type"] != "webhook"
    settings = {**_SCHEDULED, **row["settings"]}  # four of many: to validate all of them costs more than the page
    frequency = Frequency(settings["fetchFrequency"] if settings["automatedFetching"] == "enabled" else "never")
    return Facts(
        feed_id=row["id"],
        pulled=pulled,
        enabled=row["enabled"],
        schedule=Schedule(frequency, settings["fetchCron"], settings["fetchTimeZone"] or row["time_zone"]),
        disabled_reason=row["disabled_reason"],
        last_status=row["last_run_status"],
        last_good_at=row["last_success_at"] if pulled else row["last_post_at"],
        failing_since=row["failing_since"],
        error=row["last_error"],
        usual_gap=_gap(row["usual_gap"]),
    )


def _gap(value: Any) -> timedelta | None:
    return value if isinstance(value, timedelta) else None


async def list_conditions(call: Call[ConditionQuery, None]) -> Answer:
    """Return a page of feeds with their conditions."""
    query, now = call.query, datetime.now(UTC)
    rows = await call.db.all(CONDITIONS.conditions, after=query.after, feed_id=query.feed_id, limit=query.rows)
    page = call.page(rows, rows)
    judged = [(row, facts, judge(facts, now)) for row in page.body for facts in (facts_of(row),)]
    kept = [one for one in judged if query.condition in (None, one[2].condition)]
    runs: dict[int, list[Any]] = {}
    ids = [row["id"] for row, _, _ in kept] if query.runs else []
    for run in await call.db.all(CONDITIONS.last_runs, feed_ids=ids, most=query.runs) if ids else []:
        runs.setdefault(run["feed_id"], []).append(dict(run))
    body = [FeedCondition.of_row(*one, runs.get(one[0]["id"], [])) for one in kept]
    return Answer(body, headers=page.headers)


OPERATIONS = (
    Operation(
        name="feed_conditions.list",
        method="GET",
        path="/api/feed-conditions.json",
        summary="List how the feeds are doing",
        description="on time, late (more than a period without a good run), overdue (more than two), failing, held, "
        "silent (push: no post for three times the usual gap), disabled, new, on request; with the last 30 runs.",
        scope=Scope.READ,
        query=ConditionQuery,
        response=list[FeedCondition],
        handler=list_conditions,
    ),
)
