"""The account's day: what is used of the daily SKU limit, how far it will last, what waits, and when it is released."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ingest.api.resources.usage_history import DAYS
from ingest.pages.charts import Chart, lines, stacked
from ingest.pages.page import Context, Page
from ingest.pages.visit import Visit


async def show(visit: Visit) -> Context:
    """Return the day, and the days before."""
    usage = await visit.ask("usage_history.get")
    share = None if not usage.limit else min(1.0, usage.used / usage.limit)
    return {"usage": usage, "share": share, "today": today(usage), "month": month(usage)}


def today(usage: Any) -> Chart:
    """Return today by the quarter of an hour: what is used, the forecast with its band, the limit."""
    zone = ZoneInfo(usage.time_zone)
    labels = [f"{step.at.astimezone(zone):%H:%M}" for step in usage.steps]
    drawn: dict[str, list[float | None]] = {"used": [step.used for step in usage.steps]}
    if usage.forecast:
        drawn |= {
            "forecast": [_whole(step.middle) for step in usage.steps],
            "band, low": [_whole(step.low) for step in usage.steps],
            "band, high": [_whole(step.high) for step in usage.steps],
        }
    return lines("Used today, with the forecast", "", labels, drawn)


def month(usage: Any) -> Chart:
    """Return the last days, those without use as 0."""
    known = {day.day: day.used for day in usage.days}
    days = [usage.day - timedelta(days=back) for back in reversed(range(DAYS))]
    return stacked("Used by day", "", [f"{day:%-d %b}" for day in days], {"used": [known.get(day, 0) for day in days]})


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


ENTRIES = (Page(name="usage", path="/usage", title="Usage", section="usage", show=show),)
