"""People who may sign in: invited by a link, given a role, shut out."""

from __future__ import annotations

from typing import Any

from ingest.api.framework.caller import Scope
from ingest.http.problems import ProblemError
from ingest.pages.links import next_of
from ingest.pages.page import Action, Again, Context, Done, Page
from ingest.pages.sessions.roles import Role
from ingest.pages.visit import Visit

_SHOWN = 100
_HELP = {
    Role.VIEWER: "reads",
    Role.EDITOR: "and changes feeds, runs and items",
    Role.ADMIN: "and people, tokens and settings",
    Role.OPERATOR: "and the fleet that all accounts share",
}


async def show(visit: Visit) -> Context:
    """Return a page of people."""
    return await _context(visit)


async def invite(visit: Visit) -> Again:
    """Make a person, and show the link that lets them in."""
    body = {"name": visit.text("name"), "role": visit.text("role") or Role.VIEWER}
    try:
        made = await visit.change("people.create", body=body)
    except ProblemError as problem:
        if problem.status not in (409, 422):
            raise
        return Again(page=PAGE, context=await _context(visit, wrong=problem.detail))
    return Again(page=PAGE, context=await _context(visit, made), status=201)


async def reset(visit: Visit) -> Again:
    """Make a new link for a person."""
    made = await visit.change("people.link", {"id": visit.id})
    return Again(page=PAGE, context=await _context(visit, made), status=201)


async def change(visit: Visit) -> Done:
    """Give a person another role, shut them out, or let them in again."""
    if visit.id == visit.session.person_id:
        raise ProblemError(409, "pages.people.self", "this is you: another admin changes your role")
    before = await visit.ask("people.get", {"id": visit.id})
    body: dict[str, Any] = {"role": visit.text("role")} if visit.text("role") else {}
    if "disabled" in visit.form:
        body["disabled"] = visit.text("disabled") == "1"
    after = await visit.change("people.update", {"id": visit.id}, body)
    state = "is shut out; their sessions have ended" if after.disabled_at else f"is {after.role} now"
    back = {"role": before.role, "disabled": "1" if before.disabled_at else ""}
    return Done(to="/people", said=f"{after.name} {state}.", undo=f"/people/{visit.id}", undo_fields=back)


async def _context(visit: Visit, made: Any = None, *, wrong: str = "") -> Context:
    given = {"limit": _SHOWN, "after": visit.request.query.get("after")}
    answer = await visit.answer("people.list", query=given)
    offered = [role for role in Role if visit.session.role.scope.includes(role.scope)]
    return {"people": answer.body, "after": next_of(answer), "made": made, "wrong": wrong, "help": _HELP,
            "roles": [(role.value, f"{role.value}: {_HELP[role]}") for role in offered]}  # fmt: skip


PAGE = Page(name="people", path="/people", title="People", section="people", show=show, scope=Scope.ADMIN)
ENTRIES = (
    PAGE,
    Action(path="/people", act=invite, scope=Scope.ADMIN),
    Action(path=r"/people/{id:\d+}", act=change, scope=Scope.ADMIN),
    Action(path=r"/people/{id:\d+}/link", act=reset, scope=Scope.ADMIN),
)
