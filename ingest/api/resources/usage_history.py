"""Usage over time: 35 days, today by feed, what waits and when it goes, and how far the day's limit will last."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from aiohttp import web
from pydantic import Field

from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.models import INT64_MAX, Query, Resource
from ingest.api.framework.operation import Operation
from ingest.api.framework.recent import Recent
from ingest.feeds.usage_forecast import (
    STEP,
    Curve,
    Forecast,
    Suppose,
    begins_at,
    curve_of,
    forecast,
    reference_days,
    releases,
    sentence,
    supposed,
)
from schemas import queries
from schemas.attributes import INT32_MAX
from schemas.usage import resets_at, zone

HISTORY = queries.load("usage_history", beside=__file__)
CURVES: web.AppKey[Recent[tuple[int, str, date], Curve]] = web.AppKey("curves of days that are over")
"""By account, time zone and day; the last asked for at the end. A day that is over changes no more."""
MOST_CURVES = 1_000
DAYS = 35
MOST_FEEDS = 250
_MOST_WAITING = 20


class WhatIf(Query):
    """What is supposed to be otherwise from now on; nothing is changed."""

    limit: int | None = Field(None, ge=0, le=INT64_MAX, description="another daily limit; what is deferred then goes")
    without_feed_id: int | None = Field(
        None, ge=1, le=INT64_MAX, description="this feed paused: without its part of what was changed today"
    )
    plus: int = Field(0, ge=0, le=INT32_MAX, description="so many used at once: a held run's `cost` (its diff.json)")


class UsedDay(Resource):
    """One day."""

    day: date
    used: int


class UsedFeed(Resource):
    """One feed today."""

    id: int
    name: str
    changed: int = Field(description="items created or changed today; a feed variant that changed twice counts twice")
    deferred: int = Field(description="items deferred today")


class Releasing(Resource):
    """Deferred items that go then, at the latest."""

    at: datetime
    items: int


class Waiting(Resource):
    """One deferred item."""

    feed_id: int
    feed_name: str | None
    external_id: str
    deferred_at: datetime
    released_at: datetime | None = Field(description="at the latest; null: later than a week, or the limit is 0")


class UsageStep(Resource):
    """Used by this moment: so far, and as forecast."""

    at: datetime
    used: int | None
    middle: float | None
    low: float | None
    high: float | None


class UsageForecast(Resource):
    """How far the day's limit will last. Times are null where the limit is not reached."""

    by_end: int
    by_end_low: int
    by_end_high: int
    reached_at: datetime | None
    earliest_at: datetime | None
    latest_at: datetime | None
    over: int = Field(description="items over the limit by midnight, about")


class UsageOutlook(Resource):
    """Today's usage, and how far the limit will last."""

    at: datetime
    day: date
    time_zone: str
    limit: int | None
    used: int
    deferred: int
    resets_at: datetime
    sentence: str = Field(description="the forecast for people")
    forecast: UsageForecast | None = Field(description="null: less than seven days are known")
    forecast_by: list[date] = Field(description="the days that it is made by")


class UsageHistory(UsageOutlook):
    """Usage over time."""

    steps: list[UsageStep] = Field(description="today in steps of 15 minutes")
    releases: list[Releasing] = Field(description="when deferred items go, day by day")
    waiting: list[Waiting] = Field(description=f"the first {_MOST_WAITING} in the order in which they go")
    feeds: list[UsedFeed] = Field(description=f"today, of the first {MOST_FEEDS} feeds")
    days: list[UsedDay] = Field(description=f"the last {DAYS}, today included; days without use are left out")


@dataclass(frozen=True, slots=True)
class _Known:
    """What both answers are made of: today's row, the last days, the forecast with today's curve, `UsageOutlook`."""

    today: Any
    days: list[Any]
    told: Forecast | None
    curve: Curve
    outlook: dict[str, Any]


async def get_forecast(call: Call[WhatIf, None]) -> Answer:
    """Return how far the day's limit will last, or would."""
    known = await _known(call, datetime.now(UTC))
    query, today = call.query, known.today
    if query.limit is None and query.without_feed_id is None and not query.plus:
        return Answer(UsageOutlook.of(known.outlook))
    used, zone_ = today["used"], zone(today["time_zone"])
    limit: int | None = today["daily_sku_limit"] if query.limit is None else query.limit
    released = 0
    if limit is not None and today["daily_sku_limit"] is not None and limit > today["daily_sku_limit"]:
        released = min(today["deferred"], max(0, limit - used))
    case = Suppose(limit, query.plus + released, await _keeps(call, begins_at(today["day"], zone_)))
    told = known.told and supposed(known.told, used, case, begins_at(today["day"], zone_), known.outlook["at"])
    used += case.plus
    outlook = {"limit": limit, "used": used, "sentence": sentence(told, used, limit, zone_), "forecast": _outlook(told)}
    return Answer(UsageOutlook.of({**known.outlook, **outlook}))


async def _keeps(call: Call[WhatIf, None], since: datetime) -> float:
    """Return which part of what comes stays without a feed: by the parts of what the feeds changed today."""
    if call.query.without_feed_id is None:
        return 1.0
    changed: dict[int, int] = {
        row["id"]: row["changed"] for row in await call.db.all(HISTORY.by_feed, since=since, most=MOST_FEEDS)
    }
    return 1.0 - changed.get(call.query.without_feed_id, 0) / (sum(changed.values()) or 1)


async def get_history(call: Call[Query, None]) -> Answer:
    """Return usage over time."""
    now = datetime.now(UTC)
    known = await _known(call, now)
    today, zone_ = known.today, zone(known.today["time_zone"])
    begin = begins_at(today["day"], zone_)
    going = releases(today["deferred"], today["daily_sku_limit"], today["used"], now, zone_)
    waiting = await call.db.all(HISTORY.waiting, limit=_MOST_WAITING)
    answer = {
        **known.outlook,
        "steps": _steps(known.curve, known.told, begin),
        "releases": [Releasing(at=one.at, items=one.items) for one in going],
        "waiting": _waiting(waiting, going),
        "feeds": [UsedFeed.of(row) for row in await call.db.all(HISTORY.by_feed, since=begin, most=MOST_FEEDS)],
        "days": [UsedDay.of(row) for row in known.days],
    }
    return Answer(UsageHistory.of(answer))


async def _known(call: Call[Any, Any], now: datetime) -> _Known:
    today = await call.db.one(HISTORY.today, at=now)
    known = zone(today["time_zone"])
    day, limit, used = today["day"], today["daily_sku_limit"], today["used"]
    days = await call.db.all(HISTORY.days, since=day - timedelta(days=DAYS - 1))
    references, curves = await _curves(call, today, days, now)
    told = forecast(used, limit, curves[:-1], begins_at(day, known), now) if references else None
    outlook = {
        **today,
        "at": now,
        "limit": limit,
        "resets_at": resets_at(day, known),
        "sentence": sentence(told, used, limit, known),
        "forecast": _outlook(told),
        "forecast_by": references if told else [],
    }
    return _Known(today, days, told, curves[-1], outlook)


async def _curves(call: Call[Any, Any], row: Any, days: list[Any], now: datetime) -> tuple[list[date], list[Curve]]:
    """Return the days to forecast by, and their curves with today's, which `row` is of, behind them."""
    today, known = row["day"], zone(row["time_zone"])
    first = await call.db.one(HISTORY.first_sample)
    sampled = [one["day"] for one in days if first is not None and one["day"] > first]  # the first day is a part of one
    references = reference_days(sampled, today)
    remembered = call.request.app[CURVES]
    keys = {day: (call.account_id, known.key, day) for day in references}
    curves = {day: remembered[key] for day, key in keys.items() if key in remembered}  # who knows what is left later
    missing = [day for day in references if day not in curves]
    since = begins_at(min([*missing, today]), known)
    samples: dict[date, list[tuple[datetime, int]]] = defaultdict(list)
    for one in await call.db.all(HISTORY.samples, since=since, days=[*missing, today]):
        samples[one["day"]].append((one["sampled_at"], one["used"]))
    curves |= {day: curve_of(samples[day], day, known, now) for day in missing}
    for day, curve in curves.items():
        remembered[keys[day]] = curve
    samples[today].append((now, row["used"]))
    return references, [*(curves[day] for day in references), curve_of(samples[today], today, known, now)]


def _outlook(told: Forecast | None) -> UsageForecast | None:
    if told is None:
        return None
    middle, low, high = told.by_end
    reached = {"reached_at": told.reached_at, "earliest_at": told.earliest_at, "latest_at": told.latest_at}
    return UsageForecast.of({"by_end": middle, "by_end_low": low, "by_end_high": high, "over": told.over, **reached})


def _steps(curve: Curve, told: Forecast | None, begin: datetime) -> list[UsageStep]:
    count = len(curve)
    none: list[float | None] = [None] * count
    middle, low, high = (told.middle, told.low, told.high) if told else (none, none, none)
    ways = zip(curve, middle[:count], low[:count], high[:count], strict=False)
    return [
        UsageStep(at=begin + (place + 1) * STEP, used=used, middle=mid, low=least, high=most)
        for place, (used, mid, least, most) in enumerate(ways)
    ]


def _waiting(rows: list[Any], going: list[Any]) -> list[Waiting]:
    moments = [release.at for release in going for _ in range(min(release.items, _MOST_WAITING))]
    moments += [None] * (len(rows) - len(moments))
    return [Waiting.of({**row, "released_at": at}) for row, at in zip(rows, moments, strict=False)]


OPERATIONS = (
    Operation(
        name="usage_forecast.get",
        method="GET",
        path="/api/usage-forecast.json",
        summary="Get how far the day's limit will last",
        description="By how the last same weekdays went on from this hour, with a band. Below seven days of data there "
        "is no forecast. With a query: how far it would last if that was so from now on.",
        scope=Scope.READ,
        query=WhatIf,
        response=UsageOutlook,
        handler=get_forecast,
    ),
    Operation(
        name="usage_history.get",
        method="GET",
        path="/api/usage-history.json",
        summary="Get usage over time, with a forecast",
        description="35 days; today by feed; what is deferred and when it goes; and when the limit is reached, by how "
        "the last same weekdays went on from this hour, with a band. Below seven days of data there is no forecast.",
        scope=Scope.READ,
        response=UsageHistory,
        handler=get_history,
    ),
)
