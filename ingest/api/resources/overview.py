"""The account at a glance: how its feeds are doing, how long an item takes, what waits for a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from aiohttp import web
from pydantic import Field

from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.models import Query, Resource
from ingest.api.framework.operation import Operation
from ingest.api.framework.recent import Recent
from ingest.api.shared.conditions import FeedCondition, JudgedFeed, judged_feeds
from ingest.api.shared.division import division_of
from ingest.api.shared.outcomes import Totals
from ingest.feeds.conditions import TROUBLE, Condition
from schemas import queries

OVERVIEW = queries.load("overview", beside=__file__)
_SAMPLED = timedelta(minutes=5)
_SAMPLED_FEEDS, _SAMPLE = 250, 1_000
"""Of how many feeds receipts are looked at, and how many receipts of all of them together, about."""
_MOST_OF_FEED = 40
_MOST_TOLD = 20
_EXPIRING = timedelta(hours=2)
_CANARIES, _ON_ITS_WAY = 3, timedelta(seconds=20)
"""So many canaries in succession did not arrive, each within its time: then it is late."""
_MINUTE, _SETTLES = timedelta(minutes=1), timedelta(minutes=2)
"""A minute's row is written by the windows that commit in it: long after it, nothing is added."""
MOST_OVER = 200


class Taking(Resource):
    """How long posts took until they were committed, over five minutes: a sample, the newest of up to 250 feeds."""

    batches: int
    median: float | None = Field(description="seconds; null: nothing came")
    slowest: float | None = Field(description="seconds within which 99 % were committed")


class Minute(Totals):
    """What the account's feeds did in one minute: items by outcome, and the greatest time from receipt to commit."""

    minute: datetime
    lag_ms: int


class Canary(Resource):
    """The item that `feedline watch` sends down every shard: how it fared on the shard where it arrived longest ago."""

    shard: int
    arrived_at: datetime | None = Field(description="when it last went the whole way; null: never")
    late: bool = Field(description="it should have arrived since: the shard stands, or the watcher does")
    failed_at: datetime | None = Field(description="when one last did not arrive, after that; null: none was lost")
    stage: Literal["post", "receipt", "row"] | None = Field(description="the stage that the lost one did not reach")
    reason: str | None = Field(description="why, as the watcher tells it")


class Overview(Resource):
    """The account now."""

    at: datetime
    oldest_at: datetime | None = Field(
        description="receive time of the oldest batch that waits in a shard of the account's feeds; null: none waits"
    )
    minutes: list[Minute] = Field(description="of the last hour, those in which something came")
    taking: Taking
    canary: Canary | None = Field(description="null: none was ever sent")
    conditions: dict[Condition, int] = Field(description="how many feeds are in each condition; others have none")
    troubled: list[FeedCondition] = Field(
        description=f"the first {_MOST_TOLD} feeds that are {', '.join(TROUBLE)}, in this order"
    )
    expiring: list[FeedCondition] = Field(
        description=f"the first {_MOST_TOLD} feeds whose hash before the last change works for less than 2 hours more"
    )
    dead_letters: int = Field(description="that wait for somebody")


OVER: web.AppKey[Recent[int, list[Minute]]] = web.AppKey("minutes that are over")
"""By account, the last asked for at the end."""


async def get_overview(call: Call[Query, None]) -> Answer:
    """Return the account now."""
    now = datetime.now(UTC)
    feeds = await judged_feeds(call)
    ids = [feed.row["id"] for feed in feeds]
    some = ids[:: -(-len(ids) // _SAMPLED_FEEDS) or 1]
    each = min(_MOST_OF_FEED, -(-_SAMPLE // max(1, len(some))))
    taking = await call.db.one(OVERVIEW.taking, feed_ids=some, since=now - _SAMPLED, most=each)
    hour = now.replace(second=0, microsecond=0) - timedelta(minutes=59)
    divided = await division_of(call)
    shards = sorted({divided.shard_of(feed_id) for feed_id in ids})
    oldest = await call.db.one(OVERVIEW.oldest, shards=shards)
    canary = await call.db.one(OVERVIEW.canary, shards=divided.open)
    known = {
        "at": now,
        "oldest_at": oldest["oldest_at"],
        "minutes": await _minutes(call, ids, hour),
        "taking": _taking(taking),
        "canary": _canary(canary, call.services.settings.canary_ms, now),
        "dead_letters": await call.db.one(OVERVIEW.dead_count),
    }
    return Answer(Overview.of({**known, **_doing(feeds, now)}))


def _doing(feeds: Sequence[JudgedFeed], now: datetime) -> dict[str, Any]:
    """Return how the feeds are doing: counted, and the first that need somebody."""
    by_condition = {wanted: [feed for feed in feeds if feed.judged.condition is wanted] for wanted in TROUBLE}
    troubled = [feed for wanted in TROUBLE for feed in by_condition[wanted]]
    expiring = [
        feed
        for feed in feeds
        if (until := feed.row["previous_hash_until"]) is not None and timedelta() < until - now < _EXPIRING
    ]
    return {
        "conditions": Counter(feed.judged.condition for feed in feeds),
        "troubled": [feed.told() for feed in troubled[:_MOST_TOLD]],
        "expiring": [feed.told() for feed in expiring[:_MOST_TOLD]],
    }


def _canary(row: Any, every_ms: int, now: datetime) -> Canary | None:
    if row is None:
        return None
    arrived_at, failed_at = row["arrived_at"], row["failed_at"]
    late = arrived_at is None or now - arrived_at > _CANARIES * timedelta(milliseconds=every_ms) + _ON_ITS_WAY
    lost = failed_at is not None and (arrived_at is None or failed_at > arrived_at)
    told = {"failed_at": failed_at, "stage": row["stage"], "reason": row["reason"]} if lost else {}
    nothing = {"failed_at": None, "stage": None, "reason": None}
    return Canary.of({"shard": row["shard"], "arrived_at": arrived_at, "late": late, **nothing, **told})


async def _minutes(call: Call[Query, None], feed_ids: list[int], since: datetime) -> list[Minute]:
    """Return the minutes since then; those that are over change no more and are remembered, so a look reads few."""
    over = call.request.app[OVER]
    kept = [minute for minute in over.get(call.account_id, ()) if minute.minute >= since]
    begin = kept[-1].minute + _MINUTE if kept else since
    rows = await call.db.all(OVERVIEW.minutes, feed_ids=feed_ids, since=begin)
    found = [*kept, *(Minute.of(row) for row in rows)]
    settled = datetime.now(UTC) - _SETTLES
    over[call.account_id] = [minute for minute in found if minute.minute + _MINUTE < settled]
    return found


def _taking(row: Any) -> Taking:
    median, slowest = row["ranks"] or (None, None)
    return Taking(batches=row["batches"], median=median, slowest=slowest)


OPERATIONS = (
    Operation(
        name="overview.get",
        method="GET",
        path="/api/overview.json",
        summary="Get the account at a glance",
        description="How long posts take to be committed, how the feeds are doing, how many dead letters wait.",
        scope=Scope.READ,
        response=Overview,
        handler=get_overview,
    ),
)
