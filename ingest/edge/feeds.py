"""The edge's snapshot of the feeds: who sends with which hash. Pure; `ingest/edge/refresh.py` keeps it fresh.

Keys are BLAKE2 digests of the hashes: a dict compares digests, which a sender can neither choose nor approach byte by
byte, so the time of a look-up tells nothing about the hashes that exist.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ingest.edge.allowances import Allowance
from ingest.http.problems import ProblemError
from schemas.items import BadAttributes

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
    bad_attributes: BadAttributes = "skipAttribute"

    def check(self, now_ms: int) -> None:
        """Raise `ProblemError` 401 or 403 when it takes no posts with this hash now.

        Only feeds of resource type webhook take posts: the items of a pulled feed come from its file alone, so that a
        post cannot contradict it.
        """
        if self.valid_until_ms is not None and self.valid_until_ms <= now_ms:
            raise ProblemError(
                401, "edge.hash.expired", "This hash was replaced; use the feed's new one.", headers=_CHALLENGE
            )
        if not self.enabled:
            why = f": {self.disabled_reason}" if self.disabled_reason else ""
            raise ProblemError(403, "edge.feed.disabled", f"This feed is disabled{why}.", {"feedId": self.id})
        if self.resource_type != WEBHOOK:
            raise ProblemError(
                403,
                "edge.feed.not_a_webhook",
                f"This feed is pulled (resourceType {self.resource_type}); only webhook feeds take posts.",
                {"feedId": self.id, "resourceType": self.resource_type},
            )


class Snapshot:
    """All feeds at one moment; `by_digest` is None before Postgres was read for the first time.

    `found` are those that were looked up since, because a sender was quicker than the next snapshot; `allowances` are
    the accounts' that have a limit, by their ids.
    """

    __slots__ = ("_by_digest", "allowances", "found")

    def __init__(self, by_digest: Mapping[bytes, Feed] | None = None) -> None:
        self._by_digest = by_digest
        self.found: dict[bytes, Feed] = {}
        self.allowances: Mapping[int, Allowance] = {}

    @property
    def size(self) -> int:
        """Return the number of hashes."""
        return len(self._by_digest or ())

    def known(self, webhook_hash: str | None) -> Feed | None:
        """Return the feed of a hash, None for one that is not known here; raises `ProblemError` 401 or 503."""
        if webhook_hash is None:
            raise ProblemError(
                401, "edge.hash.missing", "Send the feed's hash in the header jetti-webhook-hash.", headers=_CHALLENGE
            )
        if self._by_digest is None:
            raise ProblemError(
                503, "edge.feeds.unknown", "This server has not read its feeds yet.", headers={"Retry-After": "2"}
            )
        key = digest(webhook_hash)
        return self._by_digest.get(key) or self.found.get(key)


class Senders(Protocol):
    """Who may send: `ingest.edge.refresh.Feeds`."""

    @property
    def current(self) -> Snapshot:
        """Return the latest snapshot."""

    async def looked_up(self, webhook_hash: str | None) -> Feed:
        """Return the feed of a hash that the snapshot does not know; raises `ProblemError` 401 or 503."""


def unknown() -> ProblemError:
    """Return the refusal of a hash that no feed has."""
    return ProblemError(401, "edge.hash.unknown", "No feed has this hash.", headers=_CHALLENGE)


def unsure() -> ProblemError:
    """Return the refusal of a hash that may be a new one: Postgres cannot be asked at the moment."""
    detail = "This server does not know this hash, and cannot look for a new one at the moment."
    return ProblemError(503, "edge.hash.unsure", detail, headers={"Retry-After": "2"})


_CHALLENGE = {"WWW-Authenticate": "jetti-webhook-hash"}
"""A 401 must name a scheme (RFC 9110, 11.6.1); this is the name of the header that is missing."""


def digest(webhook_hash: str) -> bytes:
    """Return the key of a hash."""
    return hashlib.blake2b(webhook_hash.encode("utf-8", "surrogateescape"), digest_size=32).digest()


class Collector:
    """Makes a snapshot of the rows of `feeds_of_edge`, which may come in parts."""

    def __init__(self) -> None:
        self._current: dict[bytes, Feed] = {}
        self._previous: dict[bytes, Feed] = {}

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take more rows."""
        for row in rows:
            known = (row["id"], row["account_id"], row["enabled"], row["resource_type"], row["disabled_reason"])
            policy = row["bad_attributes"]
            self._current[digest(row["hash"])] = Feed(*known, None, policy)
            for before in ("older", "previous"):
                old, until_ms = row[f"{before}_hash"], row[f"{before}_until_ms"]
                if old is not None and until_ms is not None:
                    self._previous[digest(old)] = Feed(*known, until_ms, policy)

    def snapshot(self) -> Snapshot:
        """Return the snapshot of all rows so far; a current hash wins over a previous one."""
        return Snapshot(self._previous | self._current)


def snapshot(rows: Iterable[Mapping[str, Any]]) -> Snapshot:
    """Return the snapshot of all rows at once."""
    collector = Collector()
    collector.add(rows)
    return collector.snapshot()
