"""How an account's feeds are doing: each judged, by one query and by what this process remembers of their posts.

Of a push feed the last posts tell its usual gap. To read them of a thousand feeds costs more than all the rest, so that
each process remembers them, and asks for the newer ones alone.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any

from aiohttp import web
from pydantic import Field

from ingest.api.framework.call import Call
from ingest.api.framework.models import Resource
from ingest.api.framework.recent import Recent
from ingest.feeds.conditions import Condition, Facts, Judged, judge
from ingest.feeds.runs import RunStatus
from ingest.feeds.schedules import Frequency, Schedule
from ingest.feeds.settings import FeedSettings, ResourceType
from schemas import queries

_SQL = queries.load("conditions", beside=__file__)
_MOST_POSTS = 20
MOST_REMEMBERED = 50
_DEFAULT = FeedSettings()


@dataclass(frozen=True, slots=True)
class Posts:
    """When the last posts of a push feed came, in seconds since 1970, the newest first; `gap`: usually between them."""

    came: Sequence[float]
    gap: timedelta | None


POSTS: web.AppKey[Recent[int, dict[int, Posts]]] = web.AppKey("posts of feeds")
"""By account, the last asked for at the end; then by feed."""


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
    runs: list[RunMark] = Field(description="the last 30, newest first; none where they were not asked for")


@dataclass(frozen=True, slots=True)
class JudgedFeed:
    """A feed's row, and how it was judged."""

    row: Any
    facts: Facts
    judged: Judged

    def told(self, runs: Sequence[Any] = ()) -> FeedCondition:
        """Return what the API says of it."""
        known = {"condition": self.judged.condition, "reason": self.judged.reason, "since": self.judged.since}
        return FeedCondition.of({**self.row, **known, "last_good_at": self.facts.last_good_at, "runs": runs})


async def judged_feeds(
    call: Call[Any, Any], *, after: int | None = None, feed_id: int | None = None, limit: int | None = None
) -> list[JudgedFeed]:
    """Return the account's feeds in order, each judged: all of them, a page, or one."""
    now = datetime.now(UTC)
    rows = await call.db.all(_SQL.conditions, after=after, feed_id=feed_id, limit=limit)
    posts = await _posts(call, [row["id"] for row in rows if row["resource_type"] == "webhook"])
    known = [(row, _facts(row, posts.get(row["id"]))) for row in rows]
    return [JudgedFeed(row, facts, judge(facts, now)) for row, facts in known]


def posts_of(came: Sequence[float]) -> Posts:
    """Return the last posts of all that are known, each once: two looks at a time may find the same one.

    The usual gap is the median of the times between them; None: there are none between.
    """
    newest = array("d", sorted(set(came), reverse=True)[:_MOST_POSTS])
    gaps = [later - earlier for later, earlier in pairwise(newest)]
    return Posts(newest, timedelta(seconds=median(gaps)) if gaps else None)


async def _posts(call: Call[Any, Any], feed_ids: list[int]) -> dict[int, Posts]:
    """Return what is known of the posts of these feeds."""
    remembered = call.request.app[POSTS]
    remembered[call.account_id] = posts = remembered.get(call.account_id, {})
    after = [posts[feed_id].came[0] if feed_id in posts else 0.0 for feed_id in feed_ids]
    for row in await call.db.all(_SQL.posts, feed_ids=feed_ids, after=after, most=_MOST_POSTS) if feed_ids else []:
        known = posts.get(row["feed_id"])
        posts[row["feed_id"]] = posts_of([*row["came"], *(known.came if known else ())])
    return posts


def _facts(row: Any, posts: Posts | None) -> Facts:
    pulled = row["resource_type"] != "webhook"
    automated = (row["automated"] or _DEFAULT.automated_fetching) == "enabled"
    frequency = Frequency(row["frequency"] or _DEFAULT.fetch_frequency) if automated else Frequency.NEVER
    last_post_at = datetime.fromtimestamp(posts.came[0], UTC) if posts else None
    return Facts(
        pulled=pulled,
        enabled=row["enabled"],
        schedule=Schedule(frequency, row["cron"], row["fetch_zone"] or row["time_zone"]),
        disabled_reason=row["disabled_reason"],
        last_status=row["last_run_status"],
        last_good_at=row["last_success_at"] if pulled else last_post_at,
        failing_since=row["failing_since"],
        error=row["last_error"],
        usual_gap=posts.gap if posts else None,
    )
