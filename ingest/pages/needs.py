"""What waits for a person, by harm, each with why and the one thing to do. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ingest.feeds.conditions import Condition
from ingest.pages import tones, words

LATE = (Condition.FAILING, Condition.OVERDUE, Condition.LATE, Condition.SILENT)
_EXPIRING = timedelta(hours=2)
_LEAST_GROWTH = 3
_MOST_COUNTED = 10_000
_DO = {Condition.HELD: "Decide"}


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that waits for a person: what, why, and the one thing to do."""

    tone: str
    title: str
    reason: str
    href: str
    do: str


@dataclass(frozen=True, slots=True)
class Known:
    """What the API told: the overview, the feeds' conditions, today's usage, its forecast, causes of dead letters."""

    overview: Any
    feeds: Sequence[Any]
    usage: Any
    outlook: Any = None
    causes: Sequence[Any] = ()


def needs_of(known: Known) -> list[Need]:
    """Return what waits for a person, the worst first."""
    return [
        *_canary(known.overview),
        *_feeds(known.feeds, Condition.HELD, Condition.OVERDUE, Condition.FAILING),
        *_growing(known.causes),
        *_dead(known.overview.dead_letters),
        *_limit(known.usage, known.outlook),
        *_hashes(known.feeds, known.overview.at),
        *_feeds(known.feeds, Condition.SILENT, Condition.LATE, Condition.DISABLED),
    ]


def grows(hours: Sequence[int]) -> bool:
    """Return whether the last hour had more than twice what an hour before it had; a few are no growth."""
    before = hours[:-1]
    return hours[-1] >= _LEAST_GROWTH and hours[-1] * len(before) > 2 * sum(before)


def _canary(overview: Any) -> Iterator[Need]:
    if overview.canary is not None and overview.canary.late:
        length = words.duration((overview.at - overview.canary.arrived_at).total_seconds())
        reason = "an item of our own no longer goes the whole road: a shard stands, or the watcher does"
        yield Need("bad", f"The canary has not arrived for {length}", reason, "/lag", "Look")


def _feeds(feeds: Sequence[Any], *conditions: Condition) -> Iterator[Need]:
    for wanted in conditions:
        for feed in feeds:
            if feed.condition is wanted:
                title = f"A run of {feed.name} is held" if wanted is Condition.HELD else f"{feed.name} is {wanted}"
                yield Need(tones.CONDITIONS[wanted], title, feed.reason, _way(feed), _DO.get(wanted, "Look"))


def _growing(causes: Sequence[Any]) -> Iterator[Need]:
    for cause in causes:
        if grows(cause.hours):
            of = f" of {cause.feed_name}" if cause.feed_name else ""
            before = sum(cause.hours[:-1]) / len(cause.hours[:-1])
            reason = (
                f"{cause.code}: {cause.hours[-1]:,} in the last hour, {words.number(round(before, 1))} an hour before"
            )
            yield Need("bad", f"Dead letters{of} grow", reason, "/dead-letters", "Look")


def _dead(count: int) -> Iterator[Need]:
    if count:
        shown = f"{_MOST_COUNTED:,}+" if count > _MOST_COUNTED else f"{count:,}"
        title = f"{shown} dead letter{'s wait' if count != 1 else ' waits'}"
        yield Need("bad", title, "items that could not be applied", "/dead-letters", "Look")


def _limit(usage: Any, outlook: Any) -> Iterator[Need]:
    if usage.limit is None:
        return
    if usage.used >= usage.limit:
        reason = f"{usage.deferred:,} items wait until {usage.resets_at:%H:%M} UTC"
        yield Need("warn", "Today's limit is used up", reason, "/usage", "Look")
    elif outlook is not None and outlook.forecast is not None and outlook.forecast.reached_at is not None:
        yield Need("warn", "Today's limit will not last", outlook.sentence, "/usage", "Look")


def _hashes(feeds: Sequence[Any], now: datetime) -> Iterator[Need]:
    for feed in feeds:
        until = feed.previous_hash_until
        if until is not None and timedelta() < until - now < _EXPIRING:
            title = f"The old hash of {feed.name} works for another {words.duration((until - now).total_seconds())}"
            yield Need(
                "warn", title, "afterwards posts with it are refused: has the vendor the new one?", _way(feed), "Look"
            )


def _way(feed: Any) -> str:
    if feed.condition is Condition.HELD and feed.last_run_id:
        return f"/feeds/{feed.id}/runs/{feed.last_run_id}"
    return f"/feeds/{feed.id}"
