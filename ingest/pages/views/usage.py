"""The account's day: what is used of the daily SKU limit, how far it will last, what waits, and when it is released."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ingest.api.resources.usage_history import DAYS
from ingest.http.problems import ProblemError
from ingest.pages import layout
from ingest.pages.charts import Chart, lines, stacked
from ingest.pages.page import Context, Page
from ingest.pages.visit import Visit

_NUMBER = re.compile(r"[0-9]{0,18}", re.ASCII)
_HELD = re.compile(r"([0-9]{1,15})-([0-9]{1,15})", re.ASCII)


async def show(visit: Visit) -> Context:
    """Return the day, and the days before."""
    usage = await visit.ask("usage_history.get")
    share = None if not usage.limit else min(1.0, usage.used / usage.limit)
    case = {name: visit.request.query.get(name, "") for name in ("limit", "without", "held")}
    supposed, problem = await _suppose(visit, case) if any(case.values()) else (None, None)
    return {"usage": usage, "share": share, "today": today(usage), "month": month(usage), "case": case,
            "supposed": supposed, "problem": problem}  # fmt: skip


async def _suppose(visit: Visit, case: dict[str, str]) -> tuple[Any, str | None]:
    """Return the forecast if something was otherwise; or what is wrong with that."""
    query, plus = {"limit": case["limit"].replace(",", ""), "without_feed_id": case["without"]}, 0
    if not all(_NUMBER.fullmatch(text) for text in query.values()):
        return None, "The limit: expected a whole number."
    try:
        if run := _HELD.fullmatch(case["held"]):
            diff = await visit.ask("runs.diff", {"id": int(run[1]), "run": int(run[2])})
            plus = diff.cost
        return await visit.ask("usage_forecast.get", query={**query, "plus": plus}), None
    except ProblemError as problem:
        return None, layout.sentence(problem.detail)


def today(usage: Any) -> Chart:
    """Return today by the quarter of an hour: what is used, the forecast with its band, the limit."""
    zone = ZoneInfo(usage.time_zone)
    labels = [f"{step.at.astimezone(zone):%H:%M}" for step in usage.steps]
    drawn: dict[str, list[float | None]] = {"used": _used(usage)}
    if usage.forecast:
        drawn |= {
            "forecast": [_whole(step.middle) for step in usage.steps],
            "band, low": [_whole(step.low) for step in usage.steps],
            "band, high": [_whole(step.high) for step in usage.steps],
        }
    return lines("Used today, with the forecast", "", labels, drawn)


def _used(usage: Any) -> list[float | None]:
    """Return what is used by each step; in the one that is not over yet, what is used now."""
    used = [step.used for step in usage.steps]
    going = next((place for place, step in enumerate(usage.steps) if step.at > usage.at), None)
    if going is not None:
        used[going] = usage.used
    return used


def month(usage: Any) -> Chart:
    """Return the last days, those without use as 0."""
    known = {day.day: day.used for day in usage.days}
    days = [usage.day - timedelta(days=back) for back in reversed(range(DAYS))]
    return stacked("Used by day", "", [f"{day:%-d %b}" for day in days], {"used": [known.get(day, 0) for day in days]})


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


ENTRIES = (Page(name="usage", path="/usage", title="Usage", section="usage", show=show),)
