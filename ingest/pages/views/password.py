"""A person's own password: set after an invitation or a reset, changed with the old one."""

from __future__ import annotations

from ingest.api.framework.caller import Scope
from ingest.http.problems import ProblemError
from ingest.pages import audit
from ingest.pages.page import Action, Again, Context, Done, Page
from ingest.pages.sessions.passwords import MIN_LENGTH
from ingest.pages.sessions.store import SESSIONS_KEY
from ingest.pages.signing_in import TRIES
from ingest.pages.visit import Visit


async def show(visit: Visit) -> Context:
    """Return the form."""
    session = visit.session
    if session.person_id is None:
        raise ProblemError(404, "pages.password.nobody", "this session is a token's or a link's: it has no password")
    return {"asks_old": not session.sets_password, "wrong": "", "least": MIN_LENGTH}


async def save(visit: Visit) -> Done | Again:
    """Set it; the person's other sessions end."""
    context, session = await show(visit), visit.session
    old, new = (str(visit.form.get(name, "")) for name in ("old", "new"))
    tries, who = visit.request.app[TRIES], f"person {session.person_id}"
    if wait_s := tries.wait_s(who):
        raise ProblemError(429, "pages.tries", f"too many tries: try again in {wait_s:.0f} s")
    if new != visit.form.get("again"):
        return Again(page=PAGE, context={**context, "wrong": "The two new ones differ."})
    try:
        was_set = await visit.request.app[SESSIONS_KEY].set_password(session, old, new)
    except ValueError as error:
        return Again(page=PAGE, context={**context, "wrong": f"{str(error).capitalize()}."})
    if not was_set:
        tries.count(who)
        return Again(page=PAGE, context={**context, "wrong": "The password until now is another one."})
    line = audit.line("people.password", f"/people/{session.person_id}", None, None)
    await audit.record(visit.services.pool, session, visit.request.remote, line)
    return Done(to="/", said="Your password is set. Your other sessions have ended.")


PAGE = Page(name="password", path="/password", title="Your password", section="sessions", show=show)
ENTRIES = (PAGE, Action(path="/password", act=save, scope=Scope.READ))
