"""Days that do not end while a test looks at them: whoever runs the tests may do so around midnight."""

from __future__ import annotations

from datetime import UTC, datetime

_EASTERNMOST_IS_AHEAD_FROM = 10
"""The hour (UTC) at which the next day begins fourteen hours east of it."""


def midday() -> str:
    """Return a time zone where it is about noon now: what is counted by an account's day stays within one."""
    return f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"  # the sign is POSIX's: Etc/GMT-3 is three hours ahead


def another_day() -> str:
    """Return a time zone where it is another day than in UTC now, which goes on for two hours at the least."""
    return "Etc/GMT-14" if datetime.now(UTC).hour >= _EASTERNMOST_IS_AHEAD_FROM else "Etc/GMT+12"
