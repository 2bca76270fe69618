"""Why is it lagging: one sentence, and the shards that it is made of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from pydantic import Field

from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.models import Query, Resource
from ingest.api.framework.operation import Operation
from ingest.api.shared.division import division_of
from ingest.feeds.lag_facts import Facts, Hand, Pace, Shard, pace_of
from ingest.feeds.lagging import Cause, Verdict, judge
from schemas import queries
from schemas.usage import account_day, resets_at, zone

LAG = queries.load("lag", beside=__file__)
_LOOKED_BACK = timedelta(minutes=10)
_MOST_DEFERRED = 10_001
_TOP_FEEDS = 3


class ShardFeed(Resource):
    """Batches in hand of one feed."""

    feed_id: int | None = Field(description="null: feeds of other accounts")
    name: str | None
    batches: int


class ShardLag(Resource):
    """One shard, by its owner's last word."""

    shard: int
    owner: str | None = Field(description="id of the worker that consumes it; null: nobody that lives does")
    host: str | None = Field(description="the owner's host; for operators")
    told_at: datetime | None = Field(description="time of the last word")
    oldest_at: datetime | None = Field(
        description="receive time of the oldest batch in hand; without an owner that of its last word, so that the "
        "age is at least this; null: none is known to wait"
    )
    age: float | None = Field(description="seconds since `oldestAt`")
    depth: int | None = Field(
        None,
        description="batches that wait in RabbitMQ besides those in hand, of all accounts; as of a second ago at most; "
        "null: RabbitMQ did not say in time",
    )
    waits_for: str | None = Field(description="postgres, rabbitmq, retry, lock, worker; null: nothing")
    waits_reason: str | None
    arriving: float | None = Field(
        description="items a second of the account's feeds, at the time at which those came that are applied now"
    )
    applied: float | None = Field(description="items a second of the account's feeds, over the last ten minutes")
    feeds: list[ShardFeed] = Field(description="what is in hand, the most first")


class WorkerLife(Resource):
    """One worker of the live list."""

    id: UUID
    host: str
    pid: int
    started_at: datetime
    heartbeat_at: datetime
    stops_at: datetime | None = Field(description="until when it hands its shards over")
    alive: bool


class Lag(Resource):
    """Why items wait."""

    at: datetime
    cause: Cause = Field(description="the first that holds, in this order")
    sentence: str
    since: datetime | None = Field(description="since when, as far as that is known")
    do: str = Field(description="what to do")
    shards: list[ShardLag] = Field(description="those of the account's feeds; for operators all of them")
    workers: list[WorkerLife] = Field(description="for operators")


async def get_lag(call: Call[Query, None]) -> Answer:
    """Return why items wait."""
    now, settings = datetime.now(UTC), call.services.settings
    timeout = timedelta(milliseconds=settings.heartbeat_timeout_ms)
    feeds = {row["id"]: row for row in await call.db.all(LAG.feeds)}
    operator = call.caller.scope.includes(Scope.OPERATOR)
    divided = await division_of(call)
    call.services.depths.begin(divided.open)  # RabbitMQ answers while Postgres does
    homes = [divided.shard_of(feed_id) for feed_id in feeds]
    numbers = divided.open if operator else sorted(set(homes))
    rows = await call.db.all(LAG.shards, shards=numbers, timeout=timeout)
    minutes = await call.db.all(LAG.minutes, feed_ids=list(feeds), feed_shards=homes, since=now - _LOOKED_BACK)
    purpose = await call.db.one(LAG.on_purpose, feed_ids=list(feeds), most=_MOST_DEFERRED)
    workers = await call.db.all(LAG.workers, timeout=timeout)
    by_shard: dict[int, list[Any]] = defaultdict(list)
    for minute in minutes:
        by_shard[minute["shard"]].append(minute)
    shards = [_shard(row, by_shard[row["shard"]], feeds, now) for row in rows]
    facts = Facts(
        shards=tuple(shards),
        zone=zone(purpose["time_zone"]),
        workers=sum(worker["alive"] for worker in workers),
        broker=call.services.publisher.ready(),
        deferred=purpose["deferred"],
        released_at=_next_day(purpose, now),
        held=purpose["held"],
        disabled=sum(not feed["enabled"] for feed in feeds.values()),
    )
    told = [_told(shard, row, feeds, now, operator=operator) for shard, row in zip(shards, rows, strict=True)]
    depths = await call.services.depths.known()
    for shard in told:
        shard.depth = depths.get(shard.shard)
    return Answer(_lag(judge(facts, now), told, workers if operator else [], now))


def _lag(verdict: Verdict, shards: list[ShardLag], workers: Sequence[Any], now: datetime) -> Lag:
    return Lag(
        at=now,
        cause=verdict.cause,
        sentence=verdict.sentence,
        since=verdict.since,
        do=verdict.do,
        shards=sorted(shards, key=lambda shard: (-(shard.age or 0), shard.shard)),
        workers=[WorkerLife.of(worker) for worker in workers],
    )


def _shard(row: Any, minutes: Sequence[Any], feeds: dict[int, Any], now: datetime) -> Shard:
    """Return what the rules ask of a shard."""
    hands = _hands(row, feeds)
    owner = str(row["worker_id"]) if row["alive"] and (row["since"] or row["waits_for"]) else None
    progressed = [row[name] for name in ("applied_at", "empty_at", "since") if row[name]]
    sent = {feed_id for minute in minutes for feed_id in minute["feed_ids"]}
    sent |= {hand.feed_id for hand in hands if hand.feed_id}
    age = (now - row["oldest_at"]).total_seconds() if row["oldest_at"] else 0.0
    return Shard(
        shard=row["shard"],
        owner=owner,
        told_at=row["written_at"],
        oldest_at=row["oldest_at"],
        progressed_at=max(progressed, default=None),
        waits_for=row["waits_for"],
        waits_reason=row["waits_reason"],
        hands=tuple(Hand(hand.name, hand.batches) for hand in hands),
        neighbours=tuple(feeds[feed_id]["name"] for feed_id in sorted(sent & feeds.keys())),
        pace=_pace(minutes, age, now),
    )


def _pace(minutes: Sequence[Any], age_s: float, now: datetime) -> Pace | None:
    return pace_of([(one["minute"], one["items"], one["lag_ms"] / 1000) for one in minutes], age_s, now)


def _hands(row: Any, feeds: dict[int, Any]) -> list[ShardFeed]:
    """Return what is in hand; the feeds of other accounts have no name here."""
    known = orjson.loads(row["feeds"]) if isinstance(row["feeds"], str) else row["feeds"] or []
    return [
        ShardFeed(
            feed_id=hand["feedId"] if hand["feedId"] in feeds else None,
            name=feeds[hand["feedId"]]["name"] if hand["feedId"] in feeds else None,
            batches=hand["batches"],
        )
        for hand in known
    ]


def _told(shard: Shard, row: Any, feeds: dict[int, Any], now: datetime, *, operator: bool) -> ShardLag:
    age = shard.age(now)
    return ShardLag(
        shard=shard.shard,
        owner=shard.owner,
        host=row["host"] if operator and shard.owner else None,
        told_at=shard.told_at,
        oldest_at=shard.oldest_at,
        age=age.total_seconds() if age is not None else None,
        waits_for=shard.waits_for if shard.owner else None,
        waits_reason=shard.waits_reason if shard.owner else None,
        arriving=shard.pace.arriving if shard.pace else None,
        applied=shard.pace.applied if shard.pace else None,
        feeds=_hands(row, feeds)[:_TOP_FEEDS],
    )


def _next_day(row: Any, now: datetime) -> datetime:
    known = zone(row["time_zone"])
    return resets_at(account_day(int(now.timestamp() * 1000), known), known)


OPERATIONS = (
    Operation(
        name="lag.get",
        method="GET",
        path="/api/lag.json",
        summary="Get why items wait",
        description="One sentence, the first rule that holds: Postgres away, broker away or blocking, a shard without "
        "an owner, a window that is tried again, a feed that floods, more arriving than is applied, waiting on "
        "purpose (deferred, held, disabled), all well; since when, what to do, and the shards by age.",
        scope=Scope.READ,
        response=Lag,
        handler=get_lag,
    ),
)
