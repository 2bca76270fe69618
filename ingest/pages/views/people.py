"""People who may sign in: invited by a link, given a role, shut out."""

from __future__ import annotations

from typing import Any

from ingest.api.framework.caller import Scope
from ingest.http.problems import ProblemError
from ingest.pages.links import next_of
from ingest.pages.page import Action, Again, Context, Done, Made, Page, Shown
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


async def invite(visit: Visit) -> Again | Shown:
    """Make a person, and show the link that lets them in."""
    body = {"name": visit.text("name"), "role": visit.text("role") or Role.VIEWER}
    try:
        made = await visit.change("people.create", body=body)
    except ProblemError as problem:
        if problem.status not in (409, 422):
            raise
        return Again(page=PAGE, context=await _context(visit, wrong=problem.detail))
    return _link(made)


async def reset(visit: Visit) -> Shown:
    """Make a new link for a person."""
    made = await visit.change("people.link", {"id": visit.id})
    return _link(made)


async def change(visit: Visit) -> Done:
    """Give a person another role."""
    return await _changed(visit, {"role": visit.text("role")})


async def shut_out(visit: Visit) -> Done:
    """End a person's sessions and let them in no more; the toast takes it back."""
    await _changed(visit, {"disabled": True})
    said, path = "They are shut out; their sessions have ended.", f"/people/{visit.id}/let-in"
    return Done(to="/people", said=said, undo=path)


async def let_in(visit: Visit) -> Done:
    """Let a person in again who was shut out."""
    return await _changed(visit, {"disabled": False})


async def _changed(visit: Visit, body: dict[str, Any]) -> Done:
    if visit.id == visit.session.person_id:
        raise ProblemError(409, "pages.people.self", "this is you: another admin changes your role")
    await visit.ask("people.get", {"id": visit.id})
    after = await visit.change("people.update", {"id": visit.id}, body)
    return Done(to="/people", said=f"{after.name} may sign in as {after.role}.")


def _link(made: Any) -> Shown:
    note = "Whoever opens it chooses the password. It works once"
    return Shown(PAGE, Made(f"The link for {made.name}", made.link, note, made.expires_at))


async def _context(visit: Visit, *, wrong: str = "") -> Context:
    given = {"limit": _SHOWN, "after": visit.request.query.get("after")}
    answer = await visit.answer("people.list", query=given)
    offered = [role for role in Role if visit.session.role.scope.includes(role.scope)]
    return {"people": answer.body, "after": next_of(answer), "made": None, "wrong": wrong, "help": _HELP,
            "roles": [(role.value, f"{role.value}: {_HELP[role]}") for role in offered]}  # fmt: skip


PAGE = Page(name="people", path="/people", title="People", section="people", show=show, scope=Scope.ADMIN)
ENTRIES = (
    PAGE,
    Action(path="/people", act=invite, scope=Scope.ADMIN, fresh=True, shows=PAGE),
    Action(path=r"/people/{id:\d+}", act=change, scope=Scope.ADMIN, fresh=True),
    Action(path=r"/people/{id:\d+}/shut-out", act=shut_out, scope=Scope.ADMIN),
    Action(path=r"/people/{id:\d+}/let-in", act=let_in, scope=Scope.ADMIN),
    Action(path=r"/people/{id:\d+}/link", act=reset, scope=Scope.ADMIN, fresh=True, shows=PAGE),
)
