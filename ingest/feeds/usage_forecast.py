"""How far a day's SKU limit will last, and when what waits is released. Pure: `now` is an argument.

Earlier days tell how a day goes on from this hour: each one, scaled so that it passes through what is used now, is one
forecast; their median is the forecast, their least and greatest its band. Days that are like today (the same weekday)
come first. A straight line would call every morning's file a disaster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from statistics import median
from zoneinfo import ZoneInfo

from schemas.usage import resets_at

STEP = timedelta(minutes=15)
LEAST_DAYS = 7
_SAME_WEEKDAYS, _ENOUGH, _ANY_DAYS = 4, 3, 14
_RELEASE_DAYS = 7

Curve = list[int | None]
"""What was used by the end of each step since midnight; None: not known yet."""


Way = list[float | None]
"""What will be used by the end of each step; None: the step is over."""


@dataclass(frozen=True, slots=True)
class Suppose:
    """What would be otherwise from now on: the limit, how many are used at once, the part of what comes that stays."""

    limit: int | None
    plus: int = 0
    keeps: float = 1.0


@dataclass(frozen=True, slots=True)
class Forecast:
    """The rest of the day. `reached_*` are None where the limit is not reached; `over` items then wait, about."""

    middle: Way
    low: Way
    high: Way
    by_end: tuple[int, int, int]  # middle, low, high
    reached_at: datetime | None
    earliest_at: datetime | None
    latest_at: datetime | None
    over: int


@dataclass(frozen=True, slots=True)
class Release:
    """Deferred items that go when this day begins (or at once), at the latest."""

    at: datetime
    items: int


def reference_days(days: Sequence[date], today: date) -> list[date]:
    """Return the days to forecast by, newest first: the last same weekdays, or all of two weeks if those are few.

    Empty while less than a week is known.
    """
    past = sorted({day for day in days if day < today}, reverse=True)
    if not past or (today - past[-1]).days < LEAST_DAYS:
        return []
    same = [day for day in past if day.weekday() == today.weekday()][:_SAME_WEEKDAYS]
    return same if len(same) >= _ENOUGH else [day for day in past if (today - day).days <= _ANY_DAYS]


def begins_at(day: date, zone: ZoneInfo) -> datetime:
    """Return when a day begins, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def curve_of(samples: Sequence[tuple[datetime, int]], day: date, zone: ZoneInfo, now: datetime) -> Curve:
    """Return a day's curve from its samples in order; a day has 92 to 100 steps where clocks change."""
    begin, end = begins_at(day, zone), resets_at(day, zone)
    curve: Curve = []
    place = used = 0
    moment = begin
    while moment < end:
        moment += STEP
        while place < len(samples) and samples[place][0] <= moment:
            used = max(used, samples[place][1])
            place += 1
        curve.append(used if moment <= now else None)
    return curve


def forecast(used: int, limit: int | None, curves: Sequence[Curve], begin: datetime, now: datetime) -> Forecast | None:
    """Return how the day goes on from `used` now, by the curves of whole earlier days; None without any."""
    step = max(0, int((now - begin) / STEP))
    steps = max((len(curve) for curve in curves), default=0)
    ways = [way for curve in curves if (way := _onward(curve, used, step, steps, now - begin))]
    if not ways:
        return None
    columns = list(zip(*ways, strict=True))
    middle, low, high = (
        [None] * step + [pick(column) for column in columns]
        for pick in (lambda column: float(median(column)), min, max)
    )
    return _told((middle, low, high), limit, used, begin, now)


def supposed(told: Forecast, used: int, case: Suppose, begin: datetime, now: datetime) -> Forecast:
    """Return how the same day would go on from `used` now, if something was otherwise from now on."""
    ways = (told.middle, told.low, told.high)
    middle, low, high = (
        [None if value is None else used + case.plus + (value - used) * case.keeps for value in way] for way in ways
    )
    return _told((middle, low, high), case.limit, used + case.plus, begin, now)


def _told(ways: tuple[Way, Way, Way], limit: int | None, used: int, begin: datetime, now: datetime) -> Forecast:
    """Return the forecast that the middle, the low and the high way make."""
    middle, low, high = ways
    ends = int(middle[-1] or 0), int(low[-1] or 0), int(high[-1] or 0)
    reached = [_reached(way, limit, used, begin, now) for way in (middle, high, low)]
    over = max(0, ends[0] - limit) if limit is not None else 0
    return Forecast(middle, low, high, ends, reached[0], reached[1], reached[2], over)


def sentence(told: Forecast | None, used: int, limit: int | None, zone: ZoneInfo) -> str:
    """Return the forecast for people."""
    if limit is not None and used >= limit:
        return f"Today's {limit:,} are used up: what still changes waits until midnight, {zone.key}"
    if told is None:
        return f"No forecast yet: it needs {LEAST_DAYS} days of data"
    middle, low, high = told.by_end
    if limit is None or told.reached_at is None:
        limited = "" if limit is None else f" of {limit:,}"
        text = f"About {_round(middle):,}{limited} by midnight ({_round(low):,} to {_round(high):,}), {zone.key}"
        early = told.earliest_at
        return f"{text}; on a busy day {limit:,} are reached about {_clock(early, zone)}" if early else text
    band = f"{_clock(told.earliest_at, zone)} to {_clock(told.latest_at, zone) if told.latest_at else 'not today'}"
    then = f"; then about {_round(told.over):,} items wait until midnight, {zone.key}" if told.over else ""
    return f"{limit:,} reached about {_clock(told.reached_at, zone)} ({band}){then}"


def releases(deferred: int, limit: int | None, used: int, now: datetime, zone: ZoneInfo) -> list[Release]:
    """Return when deferred items go, at the latest: what there is room for at once, then a limit's worth each day.

    The list ends after a week; what is left then is not in it. At a limit of 0 nothing goes.
    """
    going = deferred if limit is None else min(deferred, max(0, limit - used))
    found = [Release(now, going)] if going else []
    left, day = deferred - going, now.astimezone(zone).date()
    for later in range(_RELEASE_DAYS if limit else 0):
        if not left:
            break
        going = min(left, limit or 0)
        found.append(Release(resets_at(day + timedelta(days=later), zone), going))
        left -= going
    return found


def _onward(curve: Curve, used: int, step: int, steps: int, elapsed: timedelta) -> list[float]:
    """Return what one earlier day makes of the steps that are still to come."""
    known = [value or 0 for value in curve]
    known += [known[-1]] * (steps - len(known))
    before = known[step - 1] if step else 0
    share = (elapsed - step * STEP) / STEP
    then = before + (known[min(step, steps - 1)] - before) * share if steps else 0
    if then > 0:
        return [max(float(used), used * value / then) for value in known[step:]]
    return [float(used + value) for value in known[step:]]


def _reached(
    way: Sequence[float | None], limit: int | None, used: int, begin: datetime, now: datetime
) -> datetime | None:
    """Return when a way crosses the limit: within the step on a straight line."""
    if limit is None:
        return None
    at, value = now, float(used)
    for place, there in enumerate(way):
        if there is None:
            continue
        end = begin + (place + 1) * STEP
        if there >= limit:
            share = (limit - value) / (there - value) if there > value else 0.0
            return at + (end - at) * max(0.0, share)
        at, value = end, there
    return None


def _round(count: int) -> int:
    """Return two digits of a number: no forecast is better than that."""
    size: int = 10 ** max(0, len(str(count)) - 2)
    return round(count / size) * size


def _clock(moment: datetime | None, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%H:%M}" if moment else ""
