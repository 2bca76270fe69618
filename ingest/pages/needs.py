"""What waits for a person, by harm, each with why and the one thing to do. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ingest.feeds.conditions import TROUBLE, Condition
from ingest.pages import tones, words

_LEAST_GROWTH = 3
_DO = {Condition.HELD: "Decide"}
_HARMFUL = (Condition.HELD, Condition.OVERDUE, Condition.FAILING)
_STAGES = {
    "post": "its post was not accepted",
    "receipt": "its post was accepted, and no receipt came",
    "row": "its receipt came, and its row does not say so",
}


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
    """What the API told: the overview, today's usage with its forecast, causes of dead letters."""

    overview: Any
    usage: Any
    causes: Sequence[Any] = ()


def needs_of(known: Known) -> list[Need]:
    """Return what waits for a person, the worst first; of feeds, those that the API names."""
    overview = known.overview
    growing = [cause for cause in known.causes if grows(cause.hours)]
    return [
        *_canary(overview),
        *(_feed(feed) for feed in overview.troubled if feed.condition in _HARMFUL),
        *map(_growing, growing),
        *_dead(overview.dead_letters, sum(cause.count for cause in growing)),
        *_limit(known.usage),
        *_hashes(overview.expiring, overview.at),
        *(_feed(feed) for feed in overview.troubled if feed.condition not in _HARMFUL),
    ]


def unnamed(overview: Any) -> int:
    """Return how many feeds need somebody beyond those that the API names."""
    return int(sum(overview.conditions.get(one, 0) for one in TROUBLE)) - len(overview.troubled)


def grows(hours: Sequence[int]) -> bool:
    """Return whether the last hour had more than twice what an hour before it had; a few are no growth."""
    before = hours[:-1]
    return hours[-1] >= _LEAST_GROWTH and hours[-1] * len(before) > 2 * sum(before)


def stage_of(canary: Any) -> str:
    """Return which stage a lost canary did not reach, and why; "" when none was lost."""
    if canary.stage is None:
        return ""
    return f"{_STAGES[canary.stage]} on shard {canary.shard}{f' ({canary.reason})' if canary.reason else ''}"


def _canary(overview: Any) -> Iterator[Need]:
    canary = overview.canary
    if canary is None or not canary.late:
        return
    title = "The canary has never arrived"
    if canary.arrived_at is not None:
        title = f"The canary has not arrived for {words.duration((overview.at - canary.arrived_at).total_seconds())}"
    reason = stage_of(canary) or "none was sent since: the process feedline watch stands"
    yield Need("bad", title, f"an item of our own goes the whole road: {reason}", "/lag", "Look")


def _feed(feed: Any) -> Need:
    held = feed.condition is Condition.HELD
    name = words.isolated(feed.name)
    title = f"A run of {name} is held" if held else f"{name} is {feed.condition}"
    return Need(tones.CONDITIONS[feed.condition], title, feed.reason, _way(feed), _DO.get(feed.condition, "Look"))


def _growing(cause: Any) -> Need:
    of = f" of {words.isolated(cause.feed_name)}" if cause.feed_name else ""
    before = words.number(round(sum(cause.hours[:-1]) / len(cause.hours[:-1]), 1))
    reason = f"{cause.code}: {cause.hours[-1]:,} in the last hour, {before} an hour before; {cause.count:,} wait"
    return Need("bad", f"Dead letters{of} grow", reason, "/dead-letters", "Look")


def _dead(count: int, told: int) -> Iterator[Need]:
    """Tell of those that no cause which grows has told of."""
    if count > told:
        kind = "other dead letter" if told else "dead letter"
        title = words.counted(count - told, f"{kind} waits", f"{kind}s wait")
        yield Need("bad", title, "items that could not be applied", "/dead-letters", "Look")


def _limit(usage: Any) -> Iterator[Need]:
    if usage.limit is None:
        return
    if usage.used >= usage.limit:
        reason = f"{words.counted(usage.deferred, 'item waits', 'items wait')} until midnight, {usage.time_zone}"
        yield Need("warn", "Today's limit is used up", reason, "/usage", "Look")
    elif usage.forecast is not None and usage.forecast.reached_at is not None:
        yield Need("warn", "Today's limit will not last", usage.sentence, "/usage", "Look")


def _hashes(feeds: Sequence[Any], now: datetime) -> Iterator[Need]:
    for feed in feeds:
        length = words.duration((feed.previous_hash_until - now).total_seconds())
        title = f"The old hash of {words.isolated(feed.name)} works for another {length}"
        reason = "afterwards posts with it are refused: has the vendor the new one?"
        yield Need("warn", title, reason, _way(feed), "Look")


def _way(feed: Any) -> str:
    if feed.condition is Condition.HELD and feed.last_run_id:
        return f"/feeds/{feed.id}/runs/{feed.last_run_id}"
    return f"/feeds/{feed.id}"
