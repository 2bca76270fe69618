"""How a feed is doing, in one word with its reason: what a person asks first. Pure: `now` is an argument.

A pulled feed that is fetched by itself is on time, late (more than one period without a good run) or overdue (more than
two); a run that failed, or is held, says so first. A push feed has no period: it is silent when nothing came for three
times its usual gap. Source of late and overdue: the status pages of Airbyte's connections.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from ingest.feeds.schedules import Frequency, Schedule, next_fetch

_SLACK = timedelta(minutes=5)
"""A run takes its time; an hourly feed is not late the second after an hour."""
_LEAST_GAP = timedelta(minutes=10)
_SILENT_TIMES = 3


class Condition(StrEnum):
    """The closed list, the worst first."""

    FAILING = "failing"
    HELD = "held"
    OVERDUE = "overdue"
    LATE = "late"
    SILENT = "silent"
    DISABLED = "disabled"
    NEW = "new"
    ON_REQUEST = "on request"
    ON_TIME = "on time"


BEHIND = (Condition.FAILING, Condition.OVERDUE, Condition.LATE, Condition.SILENT)
"""From which no good data came when it should have."""
TROUBLE = (Condition.HELD, Condition.OVERDUE, Condition.FAILING, Condition.SILENT, Condition.LATE, Condition.DISABLED)
"""What asks for a person, by harm."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a feed. `last_good_at`: last usable file, or last post; `usual_gap`: between posts."""

    pulled: bool
    enabled: bool
    schedule: Schedule
    disabled_reason: str | None = None
    last_status: str | None = None
    last_good_at: datetime | None = None
    failing_since: datetime | None = None
    error: str | None = None
    usual_gap: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """The word, why, and since when."""

    condition: Condition
    reason: str
    since: datetime | None = None


def judge(facts: Facts, now: datetime) -> Judged:
    """Return how a feed is doing."""
    if not facts.enabled:
        return Judged(Condition.DISABLED, facts.disabled_reason or "somebody disabled it")
    if not facts.pulled:
        return _pushed(facts, now)
    return _doubtful(facts) or _timed(facts, now)


def period_of(schedule: Schedule, now: datetime) -> timedelta | None:
    """Return the time from one fetch to the next; None for a feed that is not fetched by itself."""
    match schedule.frequency:
        case Frequency.HOURLY:
            return timedelta(hours=1)
        case Frequency.DAILY:
            return timedelta(days=1)
        case Frequency.CUSTOM:
            return _between(schedule, now.replace(minute=0, second=0, microsecond=0))
    return None


@lru_cache(maxsize=4_096)
def _between(schedule: Schedule, hour: datetime) -> timedelta | None:
    """Return the time between the first two fetches after an hour began: remembered, since feeds share expressions."""
    first = next_fetch(schedule, 0, hour)
    second = first and next_fetch(schedule, 0, first)
    return second - first if first and second else None


def _doubtful(facts: Facts) -> Judged | None:
    if facts.last_status == "held":
        return Judged(Condition.HELD, facts.error or "its file is in doubt: nothing changes until somebody decides")
    if facts.failing_since is not None:
        return Judged(Condition.FAILING, facts.error or "the last run failed", facts.failing_since)
    return None


def _timed(facts: Facts, now: datetime) -> Judged:
    if facts.last_good_at is None:
        return Judged(Condition.NEW, "not fetched yet")
    period = period_of(facts.schedule, now)
    if period is None:
        return Judged(Condition.ON_REQUEST, "fetched only when somebody asks")
    age = now - facts.last_good_at
    if age > 2 * period + _SLACK:
        return Judged(Condition.OVERDUE, "more than two periods without a good run", facts.last_good_at)
    if age > period + _SLACK:
        return Judged(Condition.LATE, "more than one period without a good run", facts.last_good_at)
    return Judged(Condition.ON_TIME, "the last run was good")


def _pushed(facts: Facts, now: datetime) -> Judged:
    if facts.last_good_at is None:
        return Judged(Condition.NEW, "no post yet")
    if facts.usual_gap is not None:
        gap = max(facts.usual_gap, _LEAST_GAP)
        if now - facts.last_good_at > _SILENT_TIMES * gap:
            return Judged(Condition.SILENT, "no post for three times its usual gap", facts.last_good_at)
    return Judged(Condition.ON_TIME, "posts arrive")
