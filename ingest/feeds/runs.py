"""The run: one fetch of a pulled feed. Its words, and every decision about it as a function of its arguments.

Nothing here reads a clock: `now` is an argument, an aware datetime.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from schemas import queries
from schemas.outcomes import Outcome

RUN_SQL = queries.load("runs", beside=__file__)

ALERT_AFTER = 3
"""Failures in succession before the feed is flagged aloud."""
MAX_ATTEMPTS = 5
"""A run that took this many pullers down with it is not tried again."""
FINGERPRINT_VERSION = 3
"""Raised when the parser gives other parts for the same file and settings, so that no run resumes across the change."""


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


def disable_reason(since: datetime | None, now: datetime, days: int, last_error: str) -> str | None:
    """Return why a feed that has been failing or empty since `since` is disabled; None while it is not yet."""
    if since is None or now - since < timedelta(days=days):
        return None
    return f"no usable file since {since:%Y-%m-%d %H:%M} UTC ({days} days): {last_error}"


def final_status(rows_mapped: int, spoilt_rows: int, counts: Mapping[str, int], late_batches: int) -> RunStatus:
    """Return the status of a run that was published to its end; one without a row is never a success.

    `spoilt_rows` were rejected, or lost a wrong attribute.
    """
    spoilt = spoilt_rows + late_batches + counts.get(Outcome.REJECTED, 0) + counts.get(Outcome.DEAD, 0)
    return RunStatus.PARTIAL if spoilt or rows_mapped == 0 else RunStatus.SUCCEEDED


def part_key(run_id: int, part: int) -> str:
    """Return the idempotency key of a run's part: the same part of the same run always gets the same batch id."""
    return f"run:{run_id}:{part}"


def seal(settings_json: bytes) -> str:
    """Return a short hash of the settings that a file is parsed by."""
    return hashlib.blake2b(settings_json, digest_size=16, key=b"%d" % FINGERPRINT_VERSION).hexdigest()


def fingerprint(content_hash: str, settings_seal: str) -> str:
    """Return what parts depend on, content and settings: a run resumes only while it is the same."""
    return hashlib.blake2b(f"{content_hash}:{settings_seal}".encode(), digest_size=16).hexdigest()
