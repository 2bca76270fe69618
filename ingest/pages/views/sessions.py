"""Open sessions: an admin sees and ends those of the account, everybody else their own."""

from __future__ import annotations

from ingest.api.framework.caller import Scope
from ingest.http.problems import ProblemError
from ingest.pages.page import Action, Context, Done, Page
from ingest.pages.sessions.store import IDLE_S, LONGEST_S, SESSIONS_KEY
from ingest.pages.visit import Visit


async def show(visit: Visit) -> Context:
    """Return the open sessions, the last used first."""
    session = visit.session
    rows = await visit.request.app[SESSIONS_KEY].live(session.account_id)
    mine = [row for row in rows if visit.may(Scope.ADMIN) or row["who"] == session.who]
    return {"sessions": mine, "idle_s": IDLE_S, "longest_s": LONGEST_S}


async def end(visit: Visit) -> Done:
    """End one; whoever it belongs to signs in again."""
    session = visit.session
    known = {row["id"] for row in (await show(visit))["sessions"]}
    if visit.id not in known or not await visit.request.app[SESSIONS_KEY].finish(session.account_id, visit.id):
        raise ProblemError(404, "pages.sessions.not_found", "there is no such session")
    return Done(to="/sessions", said="The session has ended.")


ENTRIES = (
    Page(name="sessions", path="/sessions", title="Sessions", section="sessions", show=show),
    Action(path=r"/sessions/{id:\d+}/end", act=end, scope=Scope.READ),
)
