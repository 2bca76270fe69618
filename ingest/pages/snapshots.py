"""What pages showed last: shown again, with its age and without actions, while Postgres is away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import web

from ingest.api.framework.recent import Recent
from ingest.pages.sessions.store import Session

_MOST = 200
Key = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A page's context, and when it was read."""

    context: dict[str, Any]
    at: datetime


class Snapshots:
    """The last looks of this process, the oldest forgotten first."""

    def __init__(self) -> None:
        """Start with none."""
        self._kept: Recent[Key, Snapshot] = Recent(_MOST)

    def keep(self, key: Key, context: dict[str, Any], now: datetime) -> None:
        """Keep a look."""
        self._kept[key] = Snapshot(context, now)

    def get(self, key: Key) -> Snapshot | None:
        """Return the last look, if it is still known."""
        return self._kept.get(key)


SNAPSHOTS = web.AppKey("snapshots", Snapshots)


def key_of(session: Session, url: str) -> Key:
    """Return what a look belongs to: another account or role sees another page at the same address."""
    return session.account_id, session.role, url
