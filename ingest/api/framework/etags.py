"""Versions of single resources (RFC 9110, section 13): made from the time of the last change, in microseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def etag_of(updated_at: datetime) -> str:
    """Return the ETag of a resource last changed then."""
    return f'"{(updated_at - _EPOCH) // timedelta(microseconds=1):x}"'


def matches(condition: str, etag: str) -> bool:
    """Return whether an `If-Match` or `If-None-Match` header names this version; `*` names any."""
    names = {name.strip().removeprefix("W/") for name in condition.split(",")}
    return "*" in names or etag in names
