"""Sessions of the dashboard that are open: whose, since when, from where; and their end."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.collection import Collection
from ingest.api.framework.models import Query, Resource
from schemas import queries

SESSIONS = queries.load("sessions", beside=__file__)
IDLE_S, LONGEST_S = 12 * 3600, 7 * 86_400
"""A session ends when it was not used for the one, or is as old as the other."""


class OpenSession(Resource):
    """One session."""

    id: int
    who: str = Field(description="a person's name, the token, or a one-time link")
    role: str
    address: str = Field(description="where it was begun from")
    agent: str = Field(description="the browser, as it calls itself")
    created_at: datetime
    seen_at: datetime = Field(description="last use, to the minute")


async def list_sessions(call: Call[Query, None]) -> Answer:
    """Return the account's, for admins, or the caller's own; the last used first."""
    given = {"who": _whose(call), "idle_s": IDLE_S, "longest_s": LONGEST_S}
    return Answer([OpenSession.of(row) for row in await call.db.all(SESSIONS.session_list, **given)])


async def end_session(call: Call[Query, None]) -> Answer:
    """End one; whoever it belongs to signs in again."""
    call.found(await call.db.one(SESSIONS.session_end, id=call.id, who=_whose(call)), "session")
    return Answer()


def _whose(call: Call[Any, Any]) -> str | None:
    return None if call.caller.scope.includes(Scope.ADMIN) else call.caller.name


_COLLECTION = Collection("sessions", "/api/sessions", OpenSession, "session", Scope.READ, versioned=False)
_OWN = "Admins see and end all of the account, everybody else those of the same person or token."

OPERATIONS = (
    _COLLECTION.list(
        list_sessions,
        summary="List the open sessions of the dashboard, the last used first",
        description=_OWN,
    ),
    _COLLECTION.delete(end_session, summary="End a session of the dashboard", description=_OWN),
)
