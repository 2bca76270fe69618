"""The account at a glance: how its feeds are doing, how long an item takes, what waits for a person."""

from __future__ import annotations

from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web
from pydantic import Field

from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.models import Query, Resource
from ingest.api.framework.operation import Operation
from ingest.api.shared.division import division_of
from schemas import queries

OVERVIEW = queries.load("overview", beside=__file__)
MOST_COUNTED = 10_000
_SAMPLED = timedelta(minutes=5)
_CANARIES, _ON_ITS_WAY = 3, timedelta(seconds=20)
"""So many canaries in succession did not arrive, each within its time: then it is late."""
_MINUTE, _SETTLES = timedelta(minutes=1), timedelta(minutes=2)
"""A minute's row is written by the windows that commit in it: long after it, nothing is added."""
_MOST_ACCOUNTS = 200


class Taking(Resource):
    """How long posts took until they were committed, over the last five minutes (a sample of up to 40 a feed)."""

    batches: int
    median: float | None = Field(description="seconds; null: nothing came")
    slowest: float | None = Field(description="seconds within which 99 % were committed")


class Minute(Resource):
    """What the account's feeds did in one minute: items by outcome, and the greatest time from receipt to commit."""

    minute: datetime
    created: int
    updated: int
    unchanged: int
    superseded: int
    deferred: int
    rejected: int
    dead: int
    lag_ms: int


class Canary(Resource):
    """The item that `feedline watch` sends down every shard, again and again."""

    arrived_at: datetime = Field(description="when it last arrived, on the shard where that is longest ago")
    late: bool = Field(description="it should have arrived since: a shard stands, or the watcher does")


class Overview(Resource):
    """The account now."""

    at: datetime
    oldest_at: datetime | None = Field(
        description="receive time of the oldest batch that waits in a shard of the account's feeds; null: none waits"
    )
    minutes: list[Minute] = Field(description="of the last hour, those in which something came")
    taking: Taking
    canary: Canary | None = Field(description="null: none was ever sent")
    dead_letters: int = Field(description=f"that wait for somebody, counted up to {MOST_COUNTED + 1:,}")


OVER: web.AppKey[OrderedDict[int, list[Minute]]] = web.AppKey("minutes that are over")
"""By account, the last asked for at the end."""


async def get_overview(call: Call[Query, None]) -> Answer:
    """Return the account now."""
    now = datetime.now(UTC)
    ids = [row["id"] for row in await call.db.all(OVERVIEW.feed_ids)]
    rows = await call.db.all(OVERVIEW.recent_receipts, feed_ids=ids, since=now - _SAMPLED)
    dead = await call.db.one(OVERVIEW.dead_count, most=MOST_COUNTED + 1)
    hour = now.replace(second=0, microsecond=0) - timedelta(minutes=59)
    minutes = await _minutes(call, ids, hour)
    divided = await division_of(call)
    shards = sorted({divided.shard_of(feed_id) for feed_id in ids})
    oldest = await call.db.one(OVERVIEW.oldest, shards=shards)
    canary = _canary(await call.db.one(OVERVIEW.canary), call.services.settings.canary_ms, now)
    known = {"at": now, "canary": canary, "oldest_at": oldest["oldest_at"], "minutes": minutes, "dead_letters": dead}
    return Answer(Overview.of({**known, "taking": _taking([row["seconds"] for row in rows])}))


def _canary(row: Any, every_ms: int, now: datetime) -> Canary | None:
    if row is None or row["arrived_at"] is None:
        return None
    late = now - row["arrived_at"] > _CANARIES * timedelta(milliseconds=every_ms) + _ON_ITS_WAY
    return Canary(arrived_at=row["arrived_at"], late=late)


async def _minutes(call: Call[Query, None], feed_ids: list[int], since: datetime) -> list[Minute]:
    """Return the minutes since then; those that are over change no more and are remembered, so a look reads few."""
    over = call.request.app[OVER]
    kept = [minute for minute in over.get(call.account_id, ()) if minute.minute >= since]
    begin = kept[-1].minute + _MINUTE if kept else since
    rows = await call.db.all(OVERVIEW.minutes, feed_ids=feed_ids, since=begin)
    found = [*kept, *(Minute.of(row) for row in rows)]
    settled = datetime.now(UTC) - _SETTLES
    over[call.account_id] = [minute for minute in found if minute.minute + _MINUTE < settled]
    over.move_to_end(call.account_id)
    if len(over) > _MOST_ACCOUNTS:
        over.popitem(last=False)
    return found


def _taking(seconds: list[float]) -> Taking:
    if not seconds:
        return Taking(batches=0, median=None, slowest=None)
    ranked = sorted(max(0.0, one) for one in seconds)
    return Taking(batches=len(ranked), median=_at(ranked, 0.5), slowest=_at(ranked, 0.99))


def _at(ranked: list[float], share: float) -> float:
    return ranked[min(len(ranked) - 1, int(len(ranked) * share))]


OPERATIONS = (
    Operation(
        name="overview.get",
        method="GET",
        path="/api/overview.json",
        summary="Get the account at a glance",
        description="How long posts take to be committed, and how many dead letters wait.",
        scope=Scope.READ,
        response=Overview,
        handler=get_overview,
    ),
)
