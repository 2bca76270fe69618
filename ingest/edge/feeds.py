"""The edge's snapshot of the feeds: who sends with which hash. Pure; `ingest/edge/refresh.py` keeps it fresh.

Keys are SHA-256 digests of the hashes: a dict compares digests, which a sender can neither choose nor approach byte by
byte, so the time of a look-up tells nothing about the hashes that exist.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ingest.http.problems import ProblemError

WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Feed:
    """What the edge knows of a feed. `valid_until_ms` is set for a hash that was rotated away: its grace period."""

    id: int
    account_id: int
    enabled: bool
    resource_type: str
    disabled_reason: str | None = None
    valid_until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All feeds at one moment; `by_digest` is None before Postgres was read for the first time."""

    by_digest: Mapping[bytes, Feed] | None = None

    def sender(self, webhook_hash: str | None, now_ms: int) -> Feed:
        """Return the feed that may post with this hash; raises `ProblemError` 401, 403 or 503.

        Only feeds of resource type webhook take posts: the items of a pulled feed come from its file alone, so that a
        post cannot contradict it.
        """
        if webhook_hash is None:
            raise ProblemError(
                401, "edge.hash.missing", "Send the feed's hash in the header jetti-webhook-hash.", headers=_CHALLENGE
            )
        if self.by_digest is None:
            raise ProblemError(
                503, "edge.feeds.unknown", "This server has not read its feeds yet.", headers={"Retry-After": "2"}
            )
        feed = self.by_digest.get(digest(webhook_hash))
        if feed is None:
            raise ProblemError(401, "edge.hash.unknown", "No feed has this hash.", headers=_CHALLENGE)
        if feed.valid_until_ms is not None and feed.valid_until_ms <= now_ms:
            raise ProblemError(
                401, "edge.hash.expired", "This hash was replaced; use the feed's new one.", headers=_CHALLENGE
            )
        if not feed.enabled:
            why = f": {feed.disabled_reason}" if feed.disabled_reason else ""
            raise ProblemError(403, "edge.feed.disabled", f"This feed is disabled{why}.", {"feedId": feed.id})
        if feed.resource_type != WEBHOOK:
            raise ProblemError(
                403,
                "edge.feed.not_a_webhook",
                f"This feed is pulled (resourceType {feed.resource_type}); only webhook feeds take posts.",
                {"feedId": feed.id, "resourceType": feed.resource_type},
            )
        return feed


_CHALLENGE = {"WWW-Authenticate": "jetti-webhook-hash"}
"""A 401 must name a scheme (RFC 9110, 11.6.1); this is the name of the header that is missing."""


def digest(webhook_hash: str) -> bytes:
    """Return the key of a hash."""
    return hashlib.sha256(webhook_hash.encode("utf-8", "surrogateescape")).digest()


class Collector:
    """Makes a snapshot of the rows of `feeds_of_edge`, which may come in parts."""

    def __init__(self) -> None:
        self._current: dict[bytes, Feed] = {}
        self._previous: dict[bytes, Feed] = {}

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take more rows."""
        for row in rows:
            known = (row["id"], row["account_id"], row["enabled"], row["resource_type"], row["disabled_reason"])
            self._current[digest(row["hash"])] = Feed(*known)
            if row["previous_hash"] is not None and row["previous_until_ms"] is not None:
                self._previous[digest(row["previous_hash"])] = Feed(*known, row["previous_until_ms"])

    def snapshot(self) -> Snapshot:
        """Return the snapshot of all rows so far; a current hash wins over a previous one."""
        return Snapshot(self._previous | self._current)


def snapshot(rows: Iterable[Mapping[str, Any]]) -> Snapshot:
    """Return the snapshot of all rows at once."""
    collector = Collector()
    collector.add(rows)
    return collector.snapshot()
