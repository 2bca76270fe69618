"""What is known when items wait: shards, what they have in hand, and how fast they work it off. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Hand:
    """Batches of one feed that a shard has in hand; `name` None: a feed of another account."""

    name: str | None
    batches: int


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a shard works off what arrives: items a second, and the seconds by which its age grows each second."""

    applied: float
    growth: float

    @property
    def arriving(self) -> float | None:
        """Return items a second at the time at which those were received that are applied now; None: not known."""
        return self.applied / (1 - self.growth) if self.growth < 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """What is known of one shard. `owner` None: nobody that lives consumes it. `told_at`: its last word.

    `progressed_at`: when a window was last committed, the queue found empty, or consuming began.
    """

    shard: int
    owner: str | None = None
    told_at: datetime | None = None
    oldest_at: datetime | None = None
    progressed_at: datetime | None = None
    waits_for: str | None = None
    waits_reason: str | None = None
    hands: tuple[Hand, ...] = ()
    neighbours: tuple[str, ...] = ()  # the account's feeds of this shard that lately sent something
    pace: Pace | None = None

    def age(self, now: datetime) -> timedelta | None:
        """Return how long its oldest item has waited, at least; None: nothing is known to wait."""
        return max(now - self.oldest_at, timedelta()) if self.oldest_at else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the sentence is made of. `postgres` and `broker`: what the asked process itself cannot reach, and why."""

    shards: tuple[Shard, ...] = ()
    zone: ZoneInfo
    workers: int = 0  # alive
    postgres: str | None = None
    broker: str | None = None
    deferred: int = 0
    released_at: datetime | None = None
    held: int = 0
    disabled: int = 0


def pace_of(minutes: Sequence[tuple[datetime, int, float]], age_s: float, now: datetime) -> Pace | None:
    """Return a shard's pace from (minute, items, greatest lag in seconds), oldest first; None: too little is known.

    The age at the end of the first minute is compared with the age now; two minutes must lie between.
    """
    if not minutes:
        return None
    begun = minutes[0][0] + timedelta(minutes=1)
    span = (now - begun).total_seconds()
    if span < 2 * 60:
        return None
    applied = sum(items for _, items, _ in minutes[1:]) / span
    return Pace(applied, (age_s - minutes[0][2]) / span) if applied else None
