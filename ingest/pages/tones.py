"""Which tone a word has, never without its word: good, warn, bad, info, idle; and what people call words of the API."""

from __future__ import annotations

from typing import Any

from ingest.feeds.conditions import Condition
from ingest.feeds.runs import RunStatus

CONDITIONS = {
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
RUNS = {
    RunStatus.QUEUED: "info",
    RunStatus.FETCHING: "info",
    RunStatus.NOT_MODIFIED: "idle",
    RunStatus.SUCCEEDED: "good",
    RunStatus.PARTIAL: "warn",
    RunStatus.FAILED: "bad",
    RunStatus.HELD: "warn",
    RunStatus.CANCELLED: "idle",
}
ICONS = {Condition.HELD: "held", RunStatus.HELD: "held"}
SCHEDULES = {
    "hourly": "every hour",
    "daily": "every day",
    "custom": "by cron",
    "webhook": "when told by the API",
    "never": "only when asked",
}
"""What people call a `fetchFrequency`."""
KINDS = {"webhook": "push", "ftpCsv": "CSV", "xml": "XML", "api": "JSON"}
"""What people call a `resourceType`."""


def of(word: Any) -> str:
    """Return the tone of a condition or of a run's status."""
    return CONDITIONS.get(word) or RUNS.get(word, "idle")


def icon(word: Any) -> str:
    """Return the icon of a condition or of a run's status."""
    return ICONS.get(word) or of(word)
