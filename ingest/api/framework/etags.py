"""Versions of answers (RFC 9110, section 13): `"<version>.<digest>"`, or `"<digest>"` where nothing can be changed.

The digest is of the answer's bytes, computed attributes included, so it changes whenever a byte does: `If-None-Match`
compares all of it. The version is the time of the last change of what can be set: `If-Match` compares that alone, so
that stock which moves on does not refuse an editor's change.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from xxhash import xxh3_128_hexdigest

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def etag_of(updated_at: datetime | None, *parts: bytes) -> str:
    """Return the ETag of a representation that is made of these bytes, of a resource last changed then."""
    digest = xxh3_128_hexdigest(b"\0".join(parts))
    return f'"{digest}"' if updated_at is None else f'"{_version(updated_at)}.{digest}"'


def is_same(condition: str, etag: str) -> bool:
    """Return whether an `If-None-Match` header names this representation; `*` names any."""
    return not {"*", etag}.isdisjoint(_named(condition))


def is_version(condition: str, updated_at: datetime) -> bool:
    """Return whether an `If-Match` header names this version, in whatever representation; `*` names any."""
    version = _version(updated_at)
    return any(name == "*" or name.strip('"').partition(".")[0] == version for name in _named(condition))


def _named(condition: str) -> list[str]:
    return [name.strip().removeprefix("W/") for name in condition.split(",")]


def _version(updated_at: datetime) -> str:
    return f"{(updated_at - _EPOCH) // timedelta(microseconds=1):x}"
