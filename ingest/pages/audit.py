"""The audit log: who changed what by a page, from where; of a resource just the attributes that changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import asyncpg

from ingest.pages.sessions.store import Session
from schemas import queries
from schemas.secrets import MASK

AUDIT = queries.load("audit", beside=__file__)
_SECRET = frozenset({"hash", "secret", "token", "link", "authenticationToken", "authenticationSecret"})
_UNTOLD = frozenset({"updatedAt"})


@dataclass(frozen=True, slots=True)
class Line:
    """What one change was: the API's operation, its path, and what differs."""

    operation: str
    subject: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


def line(operation: str, subject: str, before: Any, after: Any) -> Line:
    """Return the line of a change between two states of a resource (JSON values; None when there is none)."""
    old, new = (state if isinstance(state, dict) else {} for state in (before, after))
    names = [name for name in {**old, **new} if old.get(name) != new.get(name) and name not in _UNTOLD]
    return Line(operation, subject, _told(old, names), _told(new, names))


async def record(pool: asyncpg.Pool, session: Session, address: str | None, line: Line) -> None:
    """Write one line."""
    await AUDIT.record(
        pool,
        account_id=session.account_id,
        who=session.who,
        session_id=session.id,
        address=address or "",
        operation=line.operation,
        subject=line.subject,
        before=line.before,
        after=line.after,
    )


def _told(state: dict[str, Any], names: list[str]) -> dict[str, Any] | None:
    told = {name: MASK if name in _SECRET and state[name] else state[name] for name in names if name in state}
    return told or None
