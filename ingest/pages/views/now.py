"""Now: is all well, what is worst, what needs a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ingest.feeds.conditions import Condition
from ingest.pages.page import Context, Page
from ingest.pages.visit import Visit

TONES = {
    Condition.FAILING: "bad",
    Condition.HELD: "warn",
    Condition.OVERDUE: "bad",
    Condition.LATE: "warn",
    Condition.SILENT: "warn",
    Condition.DISABLED: "idle",
    Condition.NEW: "info",
    Condition.ON_REQUEST: "idle",
    Condition.ON_TIME: "good",
}
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
    needs = needs_of(feeds, usage, overview.dead_letters)
    return {
        "overview": overview,
        "usage": usage,
        "needs": needs[:_MOST_NEEDS],
        "more_needs": len(needs) - _MOST_NEEDS,
        "late": sum(feed.condition in _LATE for feed in feeds),
        "feeds": feeds,
        "worst": needs[0] if needs else None,
    }


def needs_of(feeds: list[Any], usage: Any, dead_letters: int) -> list[Need]:
    """Return what waits for a person, by harm."""
    found: list[Need] = []
    for wanted, do in ((Condition.HELD, "Decide"), (Condition.OVERDUE, "Look"), (Condition.FAILING, "Look")):
        for feed in feeds:
            if feed.condition is wanted:
                title = f"{feed.name} is {wanted}" if wanted is not Condition.HELD else f"A run of {feed.name} is held"
                found.append(Need(TONES[wanted], title, feed.reason, _way(feed), do))
    if dead_letters:
        count = "10,000+" if dead_letters > 10_000 else f"{dead_letters:,}"  # noqa: PLR2004 - counted up to this
        title = f"{count} dead letter{'s wait' if dead_letters != 1 else ' waits'}"
        found.append(Need("bad", title, "items that could not be applied", "/dead-letters", "Look"))
    if usage.limit is not None and usage.used >= usage.limit:
        reason = f"{usage.deferred:,} items wait until {usage.resets_at:%H:%M} UTC"
        found.append(Need("warn", "Today's limit is used up", reason, "/usage", "Look"))
    for wanted in (Condition.SILENT, Condition.LATE, Condition.DISABLED):
        found += [
            Need(TONES[wanted], f"{feed.name} is {wanted}", feed.reason, _way(feed), "Look")
            for feed in feeds
            if feed.condition is wanted
        ]
    return found


def _way(feed: Any) -> str:
    if feed.condition is Condition.HELD and feed.last_run_id:
        return f"/feeds/{feed.id}/runs/{feed.last_run_id}"
    return f"/feeds/{feed.id}"


ENTRIES = (Page(name="now", path="/", title="Now", section="now", show=show, live=("lead", "numbers", "needs")),)
