"""How feeds are doing: each with a word, a reason and the strip of its last runs."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.models import INT64_MAX, Page
from ingest.api.framework.operation import Operation
from ingest.api.shared.conditions import FeedCondition, judged_feeds
from ingest.feeds.conditions import BEHIND, Condition
from schemas import queries

CONDITIONS = queries.load("feed_conditions", beside=__file__)
MOST_RUNS = 30


class ConditionQuery(Page):
    """Which feeds."""

    feed_id: int | None = Field(None, ge=1, le=INT64_MAX, description="just this feed")
    condition: Condition | None = Field(None, description="just the feeds in this condition")
    behind: bool = Field(False, description=f"just the feeds that are {', '.join(BEHIND)}")
    runs: int = Field(MOST_RUNS, ge=0, le=MOST_RUNS, description="how many of its last runs to show of each")


async def list_conditions(call: Call[ConditionQuery, None]) -> Answer:
    """Return a page of feeds with their conditions; a filter asks all feeds that follow, however long the list is."""
    query = call.query
    wanted = [query.condition] if query.condition else [*Condition]
    if query.behind:
        wanted = [one for one in wanted if one in BEHIND]
    limit = query.rows if len(wanted) == len(Condition) else None
    feeds = await judged_feeds(call, after=query.after, feed_id=query.feed_id, limit=limit)
    kept = [feed for feed in feeds if feed.judged.condition in wanted][: query.rows]
    page = call.page([feed.row for feed in kept], kept)
    ids = [feed.row["id"] for feed in page.body] if query.runs else []
    runs: dict[int, list[Any]] = {}
    for run in await call.db.all(CONDITIONS.last_runs, feed_ids=ids, most=query.runs) if ids else []:
        runs.setdefault(run["feed_id"], []).append(dict(run))
    body: list[FeedCondition] = [feed.told(runs.get(feed.row["id"], [])) for feed in page.body]
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
