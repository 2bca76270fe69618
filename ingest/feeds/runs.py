"""The run: one fetch of a pulled feed. Its words, and every decision about it as a function of its arguments.

Nothing here reads a clock: `now` is an argument, an aware datetime.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from schemas import queries
from schemas.errors import Rejected
from schemas.outcomes import Outcome

RUN_SQL = queries.load("runs", beside=__file__)

PULLED_TYPES = ("ftpCsv", "xml", "api")
"""The `resourceType`s that are fetched."""

FIRST_BACKOFF, LONGEST_BACKOFF = timedelta(minutes=5), timedelta(hours=6)
ALERT_AFTER = 3
"""Failures in succession before the feed is flagged aloud."""
MAX_ATTEMPTS = 5
"""A run that took this many pullers down with it is not tried again."""
FINGERPRINT_VERSION = 1
"""Raised when the parser gives other parts for the same file and settings, so that no run resumes across the change."""
MAX_PART_ITEMS = 50


class RunStatus(StrEnum):
    """The closed list of statuses, as written in answers, rows and metrics."""

    QUEUED = "queued"
    FETCHING = "fetching"
    """Taken by a puller: fetching, parsing, publishing or waiting for its receipts (`stage` says which)."""
    NOT_MODIFIED = "not modified"
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    """Applied, but for the rows that were rejected or the batches that are late."""
    FAILED = "failed"
    HELD = "held"
    """The guard distrusts the file: nothing changes until someone approves or the next good run."""
    CANCELLED = "cancelled"


GOOD = frozenset((RunStatus.SUCCEEDED, RunStatus.PARTIAL, RunStatus.NOT_MODIFIED))


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
        zone = ZoneInfo(schedule.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Rejected(f"expected the name of a time zone such as Europe/Berlin, got {schedule.time_zone!r}") from None
    if schedule.frequency is Frequency.CUSTOM:
        if not schedule.cron:
            raise Rejected("fetchFrequency custom needs fetchCron")
        if len(schedule.cron.split()) != 5:  # noqa: PLR2004
            raise Rejected("expected five fields: minute, hour, day of month, month, day of week")
        try:
            next(CronSim(schedule.cron, datetime(2000, 1, 1, tzinfo=zone)))
        except (CronSimError, StopIteration, AssertionError) as error:
            raise Rejected(f"expected a cron expression such as 30 4 * * 1-5 ({error or 'never due'})") from None


def next_fetch(schedule: Schedule, feed_id: int, now: datetime) -> datetime | None:
    """Return the first time after `now` at which the feed is due; None when it is not fetched by itself.

    Feeds are spread by a stable offset made of their id: hourly ones over the hour, daily ones over the day (the same
    local time every day, by the rules of Debian's cron when clocks change), custom ones over the minute that is due.
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


def _cron(expression: str, time_zone: str, now: datetime, offset_s: int) -> datetime | None:
    """`offset_s` seconds after the first match that makes it later than `now`."""
    try:
        offset = timedelta(seconds=offset_s)
        # A daily time that falls into the hour that clocks repeat is due twice by the wall clock; CronSim fires once.
        matches = CronSim(expression, (now - offset).astimezone(ZoneInfo(time_zone)))
        return next(matches).astimezone(UTC) + offset
    except (CronSimError, StopIteration):
        return None


def _stable(feed_id: int) -> int:
    return int.from_bytes(hashlib.blake2b(b"%d" % feed_id, digest_size=8).digest())


def backoff(failures: int, feed_id: int) -> timedelta:
    """Return how long to wait after this many failures in succession: 5 min doubling up to 6 h, spread by feed."""
    longest = min(FIRST_BACKOFF * 2.0 ** min(failures - 1, 16), LONGEST_BACKOFF)
    return longest * (0.75 + _stable(feed_id + failures) % 1000 / 4000)


def next_after(schedule: Schedule, feed_id: int, now: datetime, failures: int) -> datetime | None:
    """Return when a feed is due after a run ended at `now`, the last `failures` runs of it having failed."""
    due = next_fetch(schedule, feed_id, now)
    return due if due is None or failures == 0 else now + backoff(failures, feed_id)


def disable_reason(since: datetime | None, now: datetime, days: int, last_error: str) -> str | None:
    """Return why a feed that has been failing or empty since `since` is disabled; None while it is not yet."""
    if since is None or now - since < timedelta(days=days):
        return None
    return f"no usable file since {since:%Y-%m-%d %H:%M} UTC ({days} days): {last_error}"


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What is known of a fetched and parsed file before anything of it is published.

    `declared_bytes` is the length that the server stated, None when it stated none; `complete` is the parser's
    view: the end tag or closing bracket was there, no quote was left open.
    """

    bytes: int
    rows_read: int
    rows_mapped: int
    declared_bytes: int | None = None
    complete: bool = True
    incomplete_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """Why the guard holds a run; `code` is one of short, truncated, empty, unusable, fewer_rows."""

    code: str
    reason: str


def guard(facts: FileFacts, last_rows: int | None, share: float) -> Held | None:
    """Return why this file must not be applied without a human's word; None when it may be.

    `last_rows` is the row count of the last run that was applied, None when there is none; `share` (0 to 1) is the
    feed's `fetchMissingGuard`.
    """
    if facts.declared_bytes is not None and facts.bytes < facts.declared_bytes:
        return Held("short", f"{facts.bytes} bytes came of {facts.declared_bytes} that the server declared")
    if not facts.complete:
        return Held("truncated", facts.incomplete_reason or "the file ends in the middle")
    if facts.rows_read == 0:
        return Held("empty", "the file holds no rows")
    if facts.rows_mapped == 0:
        return Held("unusable", f"none of the {facts.rows_read} rows could be used")
    if last_rows and fell_by_more(facts.rows_read, last_rows, share):
        fall = f"{100 * (last_rows - facts.rows_read) / last_rows:.0f} % fewer than the {last_rows} of the last run"
        return Held("fewer_rows", f"{facts.rows_read} rows, {fall} (allowed: {100 * share:g} %)")
    return None


def fell_by_more(count: int, last: int, share: float) -> bool:
    """Return whether `count` is below `last` by more than the share."""
    return last - count > last * share + 1e-9


def final_status(rows_rejected: int, counts: Mapping[str, int], late_batches: int) -> RunStatus:
    """Return the status of a run that was published to its end."""
    spoilt = rows_rejected + late_batches + counts.get(Outcome.REJECTED, 0) + counts.get(Outcome.DEAD, 0)
    return RunStatus.PARTIAL if spoilt else RunStatus.SUCCEEDED


def part_key(run_id: int, part: int) -> str:
    """Return the idempotency key of a run's part: the same part of the same run always gets the same batch id."""
    return f"run:{run_id}:{part}"


def seal(settings_json: bytes) -> str:
    """Return a short hash of the settings that a file is parsed by."""
    return hashlib.blake2b(settings_json, digest_size=16, key=b"%d" % FINGERPRINT_VERSION).hexdigest()


def fingerprint(content_hash: str, settings_seal: str) -> str:
    """Return what parts depend on, content and settings: a run resumes only while it is the same."""
    return hashlib.blake2b(f"{content_hash}:{settings_seal}".encode(), digest_size=16).hexdigest()
