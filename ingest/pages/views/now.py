"""Now: is all well, what is worst, what needs a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ingest.feeds.conditions import Condition
from ingest.pages import tones, words
from ingest.pages.charts import Chart, lines, stacked
from ingest.pages.page import Context, Page
from ingest.pages.visit import Visit

OUTCOMES = ("created", "updated", "unchanged", "superseded", "deferred", "rejected", "dead")
_MOST_FEEDS = 250
_MOST_NEEDS = 8
_LATE = (Condition.FAILING, Condition.OVERDUE, Condition.LATE, Condition.SILENT)


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that waits for a person: what, why, and the one thing to do."""

    tone: str
    title: str
    reason: str
    href: str
    do: str


async def show(visit: Visit) -> Context:
    """Return the account at a glance."""
    overview = await visit.ask("overview.get")
    feeds = await visit.ask("feed_conditions.list", query={"limit": _MOST_FEEDS})
    usage = await visit.ask("usage.get")
    lag, items = charts_of(overview)
    needs = needs_of(feeds, usage, overview.dead_letters)
    return {
        "overview": overview,
        "age": max(0.0, (overview.at - overview.oldest_at).total_seconds()) if overview.oldest_at else None,
        "lag": lag,
        "items": items,
        "rate": (rate := rate_of(overview)),
        "rates": ", ".join(f"{name} {words.number(round(value, 1))}" for name, value in rate),
        "usage": usage,
        "needs": needs[:_MOST_NEEDS],
        "more_needs": len(needs) - _MOST_NEEDS,
        "late": sum(feed.condition in _LATE for feed in feeds),
        "feeds": feeds,
        "worst": needs[0] if needs else None,
    }


def charts_of(overview: Any) -> tuple[Chart, Chart]:
    """Return the two charts of the last hour: the greatest age by minute, items by minute and outcome."""
    first = overview.at.replace(second=0, microsecond=0) - timedelta(minutes=59)
    every = [first + timedelta(minutes=minute) for minute in range(60)]
    known = {minute.minute: minute for minute in overview.minutes}
    labels = [f"{moment:%H:%M}" for moment in every]
    ages = [known[moment].lag_ms / 1000 if moment in known else None for moment in every]
    counts = {
        name: [float(getattr(known[moment], name)) if moment in known else 0.0 for moment in every]
        for name in OUTCOMES
        if any(getattr(minute, name) for minute in overview.minutes)
    }
    items = stacked("Items a minute by outcome", "", labels, counts or {"updated": [0.0] * 60})
    return lines("Greatest age at commit, by minute", "s", labels, {"greatest age": ages}), items


def rate_of(overview: Any) -> list[tuple[str, float]]:
    """Return items a second by outcome over the last five minutes."""
    since = overview.at - timedelta(minutes=5)
    recent = [minute for minute in overview.minutes if minute.minute >= since]
    sums = ((name, sum(getattr(minute, name) for minute in recent)) for name in OUTCOMES)
    return [(name, total / 300) for name, total in sums if total]


def needs_of(feeds: list[Any], usage: Any, dead_letters: int) -> list[Need]:
    """Return what waits for a person, by harm."""
    found: list[Need] = []
    for wanted, do in ((Condition.HELD, "Decide"), (Condition.OVERDUE, "Look"), (Condition.FAILING, "Look")):
        for feed in feeds:
            if feed.condition is wanted:
                title = f"{feed.name} is {wanted}" if wanted is not Condition.HELD else f"A run of {feed.name} is held"
                found.append(Need(tones.CONDITIONS[wanted], title, feed.reason, _way(feed), do))
    if dead_letters:
        count = "10,000+" if dead_letters > 10_000 else f"{dead_letters:,}"  # noqa: PLR2004 - counted up to this
        title = f"{count} dead letter{'s wait' if dead_letters != 1 else ' waits'}"
        found.append(Need("bad", title, "items that could not be applied", "/dead-letters", "Look"))
    if usage.limit is not None and usage.used >= usage.limit:
        reason = f"{usage.deferred:,} items wait until {usage.resets_at:%H:%M} UTC"
        found.append(Need("warn", "Today's limit is used up", reason, "/usage", "Look"))
    for wanted in (Condition.SILENT, Condition.LATE, Condition.DISABLED):
        found += [
            Need(tones.CONDITIONS[wanted], f"{feed.name} is {wanted}", feed.reason, _way(feed), "Look")
            for feed in feeds
            if feed.condition is wanted
        ]
    return found


def _way(feed: Any) -> str:
    if feed.condition is Condition.HELD and feed.last_run_id:
        return f"/feeds/{feed.id}/runs/{feed.last_run_id}"
    return f"/feeds/{feed.id}"


ENTRIES = (
    Page(name="now", path="/", title="Now", section="now", show=show, live=("lead", "numbers", "needs", "charts")),
)
