"""Open sessions: an admin sees and ends those of the account, everybody else their own."""

from __future__ import annotations

from ingest.api.framework.caller import Scope
from ingest.api.resources.sessions import IDLE_S, LONGEST_S
from ingest.pages.page import Action, Context, Done, Page
from ingest.pages.sessions.store import SESSIONS_KEY
from ingest.pages.visit import Visit


async def show(visit: Visit) -> Context:
    """Return the open sessions, the last used first."""
    answer = await visit.answer("sessions.list")
    return {"sessions": answer.body, "idle_s": IDLE_S, "longest_s": LONGEST_S}


async def end(visit: Visit) -> Done:
    """End one; whoever it belongs to signs in again."""
    await visit.change("sessions.delete", {"id": visit.id})
    visit.request.app[SESSIONS_KEY].forget(visit.id)
    return Done(to="/sessions", said="The session has ended.")


ENTRIES = (
    Page(name="sessions", path="/sessions", title="Sessions", section="sessions", show=show),
    Action(path=r"/sessions/{id:\d+}/end", act=end, scope=Scope.READ),
)
