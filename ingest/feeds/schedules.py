"""When a pulled feed is due: by its frequency, by a cron expression in a time zone, or by its back-off.

Nothing here reads a clock: `now` is an argument, an aware datetime. A schedule names times of the wall clock; each of
them is due once. One that clocks skip is due at the jump, one that they show twice is due the first time.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from schemas.errors import Rejected

FIRST_BACKOFF, LONGEST_BACKOFF = timedelta(minutes=5), timedelta(hours=6)
_SECOND = timedelta(seconds=1)


class Frequency(StrEnum):
    """When a feed is fetched by itself."""

    NEVER = "never"
    HOURLY = "hourly"
    DAILY = "daily"
    CUSTOM = "custom"
    """By `fetchCron`, in `fetchTimeZone`."""
    WEBHOOK = "webhook"
    """Only when told by `POST /api/inventory-feeds/:id/fetch.json`."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a feed is fetched; `time_zone` is an IANA name, `cron` has the five fields of crontab(5)."""

    frequency: Frequency = Frequency.HOURLY
    cron: str | None = None
    time_zone: str = "UTC"


def check_schedule(schedule: Schedule) -> None:
    """Raise `Rejected`, in words fit for the sender, when the cron expression or the time zone is not usable."""
    try:
        ZoneInfo(schedule.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Rejected(f"expected the name of a time zone such as Europe/Berlin, got {schedule.time_zone!r}") from None
    if schedule.frequency is Frequency.CUSTOM:
        if not schedule.cron:
            raise Rejected("fetchFrequency custom needs fetchCron")
        if len(schedule.cron.split()) != 5:  # noqa: PLR2004 - the fields of crontab(5)
            raise Rejected("expected five fields: minute, hour, day of month, month, day of week")
        try:
            next(CronSim(schedule.cron, datetime(2000, 1, 1)))  # noqa: DTZ001 - a time of the wall clock
        except (CronSimError, StopIteration, AssertionError) as error:
            raise Rejected(f"expected a cron expression such as 30 4 * * 1-5 ({error or 'never due'})") from None


def next_fetch(schedule: Schedule, feed_id: int, now: datetime) -> datetime | None:
    """Return the first time after `now` at which the feed is due; None when it is not fetched by itself.

    Feeds are spread by a stable offset made of their id: hourly ones over the hour, daily ones over the day (the same
    local time every day), custom ones over the minute that is due.
    """
    spread = _stable(feed_id)
    match schedule.frequency:
        case Frequency.HOURLY:
            offset, second = spread % 3600, int(now.timestamp())
            return datetime.fromtimestamp(second + ((offset - second - 1) % 3600) + 1, UTC)
        case Frequency.DAILY:
            minute = spread % 1440
            return _cron(f"{minute % 60} {minute // 60} * * *", schedule.time_zone, now, spread // 1440 % 60)
        case Frequency.CUSTOM:
            return _cron(schedule.cron or "", schedule.time_zone, now, spread % 60)
    return None


def next_after(schedule: Schedule, feed_id: int, now: datetime, failures: int) -> datetime | None:
    """Return when a feed is due after a run ended at `now`, the last `failures` runs of it having failed."""
    due = next_fetch(schedule, feed_id, now)
    return due if due is None or failures == 0 else now + backoff(failures, feed_id)


def backoff(failures: int, feed_id: int) -> timedelta:
    """Return how long to wait after this many failures in succession: 5 min doubling up to 6 h, spread by feed."""
    longest = min(FIRST_BACKOFF * 2.0 ** min(failures - 1, 16), LONGEST_BACKOFF)
    return longest * (0.75 + _stable(feed_id + failures) % 1000 / 4000)


def _cron(expression: str, time_zone: str, now: datetime, offset_s: int) -> datetime | None:
    """Return the first due time later than `now`, `offset_s` seconds after a match; in UTC.

    Matches are times of the wall clock, so CronSim counts without a zone. The moment of a later wall-clock time is
    never an earlier one, so nothing before the wall clock of now can be due; what comes out not later was due already.
    """
    offset, zone = timedelta(seconds=offset_s), ZoneInfo(time_zone)
    try:
        for match in CronSim(expression, (now - offset).astimezone(zone).replace(tzinfo=None)):
            due = moment_of(match, zone) + offset
            if due > now:
                return due
    except CronSimError:
        pass
    return None


def moment_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return when, in UTC, a clock in the zone shows a (naive) time first; for a time that it skips, when it jumps."""
    wall = wall.replace(fold=0)  # one that was taken from a clock's second time round says so
    moment = wall.replace(tzinfo=zone).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == wall:
        return moment
    # Skipped. Read by the offset before and by that after the jump, it lies behind the jump and before it.
    before, after = wall.replace(tzinfo=zone, fold=1).astimezone(UTC), moment
    while after - before > _SECOND:
        middle = before + timedelta(seconds=(after - before) // _SECOND // 2)
        if middle.astimezone(zone).replace(tzinfo=None) > wall:
            after = middle
        else:
            before = middle
    return after


def _stable(feed_id: int) -> int:
    return int.from_bytes(hashlib.blake2b(b"%d" % feed_id, digest_size=8).digest())
