"""API tokens: made with a scope, an end and a bound, shown once, revoked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ingest.api.framework.caller import Scope
from ingest.http.problems import ProblemError
from ingest.pages.links import next_of
from ingest.pages.page import Action, Again, Context, Done, Made, Page, Shown
from ingest.pages.visit import Visit

_SHOWN, _BOUNDS = 50, 250
_DAYS = [("30", "30 days"), ("90", "90 days"), ("365", "a year"), ("", "until it is revoked")]
_HELP = {
    Scope.READ: "reads",
    Scope.WRITE: "and changes",
    Scope.ADMIN: "and administers",
    Scope.OPERATOR: "all accounts",
}


async def show(visit: Visit) -> Context:
    """Return a page of tokens."""
    return await _context(visit)


async def make(visit: Visit) -> Again | Shown:
    """Make one and show it, this once."""
    days, (kind, _, number) = visit.text("days"), visit.text("bound").partition(":")
    body: dict[str, Any] = {"name": visit.text("name"), "scope": visit.text("scope") or Scope.READ}
    if days.isascii() and days.isdecimal():
        body["expiresAt"] = (datetime.now(UTC) + timedelta(days=min(int(days), 3_650))).isoformat()
    if number.isascii() and number.isdecimal():
        body["inventoryFeedId" if kind == "feed" else "dropshipProviderId"] = int(number)
    try:
        made = await visit.change("tokens.create", body=body)
    except ProblemError as problem:
        if problem.status != 422:  # noqa: PLR2004 - what was typed
            raise
        return Again(page=PAGE, context=await _context(visit, wrong=problem.detail))
    return Shown(PAGE, Made(f"The token {made.name}", made.token))


async def revoke(visit: Visit) -> Done:
    """Revoke one; sessions that began with it end."""
    token = await visit.change("tokens.revoke", {"id": visit.id})
    return Done(to="/tokens", said=f"The token {token.name} works no more, and its sessions have ended.")


async def _context(visit: Visit, *, wrong: str = "") -> Context:
    given = {"limit": _SHOWN, "after": visit.request.query.get("after")}
    answer = await visit.answer("tokens.list", query=given)
    providers = await visit.ask("dropship_providers.list", query={"limit": _BOUNDS})
    feeds = await visit.ask("inventory_feeds.list", query={"limit": _BOUNDS})
    bounds = [("", "the whole account")]
    bounds += [(f"provider:{one.id}", f"vendor {one.name}") for one in providers]
    bounds += [(f"feed:{one.id}", f"feed {one.name}") for one in feeds]
    scopes = [scope for scope in Scope if visit.may(scope)]
    return {"tokens": answer.body, "after": next_of(answer), "made": None, "wrong": wrong, "bounds": bounds,
            "named": dict(bounds), "days": _DAYS, "now": datetime.now(UTC),
            "scopes": [(scope.value, f"{scope.value}: {_HELP[scope]}") for scope in scopes]}  # fmt: skip


PAGE = Page(name="tokens", path="/tokens", title="API tokens", section="tokens", show=show, scope=Scope.ADMIN)
ENTRIES = (
    PAGE,
    Action(path="/tokens", act=make, scope=Scope.ADMIN, fresh=True, shows=PAGE),
    Action(path=r"/tokens/{id:\d+}/revoke", act=revoke, scope=Scope.ADMIN),
)
