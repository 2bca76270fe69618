"""Now: is all well, what is worst, what needs a person."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ingest.feeds.conditions import BEHIND
from ingest.pages import words
from ingest.pages.charts import Chart, lines, stacked
from ingest.pages.needs import Known, needs_of, stage_of, unnamed
from ingest.pages.page import Context, Page
from ingest.pages.visit import Visit

OUTCOMES = ("created", "updated", "unchanged", "superseded", "deferred", "rejected", "dead")
_MOST_NEEDS = 8
_LEAST_RATE = 0.01


async def show(visit: Visit) -> Context:
    """Return the account at a glance."""
    overview, usage = await asyncio.gather(visit.ask("overview.get"), visit.ask("usage_forecast.get"))
    causes = await visit.ask("dead_letter_groups.list") if overview.dead_letters else []
    lag, items = charts_of(overview, ZoneInfo(visit.session.time_zone))
    needs = needs_of(Known(overview, usage, causes))
    count = len(needs) + unnamed(overview)
    return {
        "overview": overview,
        "age": max(0.0, (overview.at - overview.oldest_at).total_seconds()) if overview.oldest_at else None,
        "lag": lag,
        "items": items,
        "rate": (rate := rate_of(overview)),
        "rates": told_rates(rate),
        "usage": usage,
        "reached_at": usage.forecast.reached_at if usage.forecast else None,
        "needs": needs[:_MOST_NEEDS],
        "count": count,
        "late": sum(overview.conditions.get(condition, 0) for condition in BEHIND),
        "feeds": sum(overview.conditions.values()),
        "stage": stage_of(overview.canary) if overview.canary else "",
        "worst": needs[0] if needs else None,
    }


def charts_of(overview: Any, zone: ZoneInfo) -> tuple[Chart, Chart]:
    """Return the two charts of the last hour: the greatest age by minute, items by minute and outcome.

    `zone` is the account's: its clock stands below them.
    """
    first = overview.at.replace(second=0, microsecond=0) - timedelta(minutes=59)
    every = [first + timedelta(minutes=minute) for minute in range(60)]
    known = {minute.minute: minute for minute in overview.minutes}
    labels = [f"{moment.astimezone(zone):%H:%M}" for moment in every]
    ages = [known[moment].lag_ms / 1000 if moment in known else None for moment in every]
    counts = {
        name: [float(getattr(known[moment], name)) if moment in known else 0.0 for moment in every]
        for name in OUTCOMES
        if any(getattr(minute, name) for minute in overview.minutes)
    }
    items = stacked("Items a minute by outcome", "", labels, counts or {"updated": [0.0] * 60})
    return lines("Greatest age at commit, by minute", "s", labels, {"greatest age": ages}), items


def told_rates(rate: list[tuple[str, float]]) -> str:
    """Return rates by outcome in words: those that two digits can show, and that there are others."""
    told = [f"{name} {words.number(round(value, 2))}" for name, value in rate if value >= _LEAST_RATE]
    return ", ".join([*told, *(["others below 0.01"] if len(told) < len(rate) else [])])


def rate_of(overview: Any) -> list[tuple[str, float]]:
    """Return items a second by outcome over the last five minutes."""
    since = overview.at - timedelta(minutes=5)
    recent = [minute for minute in overview.minutes if minute.minute >= since]
    sums = ((name, sum(getattr(minute, name) for minute in recent)) for name in OUTCOMES)
    return [(name, total / 300) for name, total in sums if total]


ENTRIES = (
    Page(
        name="now",
        path="/",
        title="Now",
        section="now",
        show=show,
        live=("lead", "numbers", "canary", "needs", "charts"),
    ),
)
