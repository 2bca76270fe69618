"""The account's settings: name and zone, what it keeps of its changes, whom it tells of them."""

from __future__ import annotations

from typing import Any

from ingest.api.framework.caller import Scope
from ingest.http.problems import ProblemError
from ingest.pages.page import Action, Again, Context, Done, Made, Page, Shown
from ingest.pages.visit import Visit, version_of
from schemas.changes import EVENTS

_ENDPOINTS = 50


async def show(visit: Visit) -> Context:
    """Return the account, its change stream and its endpoints."""
    return await _context(visit)


async def save_account(visit: Visit) -> Done:
    """Change name and zone."""
    body = {"name": visit.text("name"), "timeZone": visit.text("timeZone")}
    await visit.change("account.update", body=body, version=visit.text("version") or None)
    return Done(to="/settings", said="The account is saved.")


async def save_limits(visit: Visit) -> Done:
    """Change plan and limits, which operators alone may."""
    limit, rate = visit.text("dailySkuLimit"), visit.text("requestsPerSecond")
    body = {"plan": visit.text("plan"), "dailySkuLimit": _number(limit, int), "requestsPerSecond": _number(rate, float)}
    await visit.change("account.update", body=body, version=visit.text("version") or None)
    return Done(to="/settings", said="Plan and limits are saved.")


async def save_stream(visit: Visit) -> Done:
    """Keep changes or not, and publish them or not."""
    body = {"enabled": "enabled" in visit.form, "queue": "queue" in visit.form}
    stream = await visit.change("change_stream.update", body=body)
    return Done(to="/settings", said=f"Changes are {'kept' if stream.enabled else 'not kept'} from now on.")


async def create_endpoint(visit: Visit) -> Again | Shown:
    """Make an endpoint and show its secret, this once."""
    body = {"name": visit.text("name"), "url": visit.text("url"), "events": _events(visit)}
    try:
        made = await visit.change("endpoints.create", body=body)
    except ProblemError as problem:
        if problem.status not in (409, 422):
            raise
        return Again(page=PAGE, context=await _context(visit, wrong=problem.detail, typed=body))
    note = "Messages are signed with it, as Standard Webhooks says"
    return Shown(PAGE, Made(f"The secret of {made.name}", made.secret, note))


async def show_endpoint(visit: Visit) -> Context:
    """Return an endpoint with its last attempts."""
    endpoint = await visit.ask("endpoints.get", {"id": visit.id})
    attempts = await visit.ask("endpoints.attempts", {"id": visit.id})
    return {"title": endpoint.name, "endpoint": endpoint, "attempts": attempts, "events": EVENTS, "made": None,
            "version": version_of(endpoint)}  # fmt: skip


async def save_endpoint(visit: Visit) -> Done:
    """Change an endpoint."""
    await visit.ask("endpoints.get", {"id": visit.id})
    body: dict[str, Any] = {"name": visit.text("name"), "url": visit.text("url"), "events": _events(visit)}
    await visit.change("endpoints.update", {"id": visit.id}, body, version=visit.text("version") or None)
    return Done(to=f"/settings/endpoints/{visit.id}", said="The endpoint is saved.")


async def switch_endpoint(visit: Visit) -> Done:
    """Enable or disable an endpoint; the toast takes it back."""
    enabled, here = visit.text("enabled") == "1", f"/settings/endpoints/{visit.id}"
    endpoint = await visit.change("endpoints.update", {"id": visit.id}, {"enabled": enabled})
    said = f"{endpoint.name} is {'told again' if enabled else 'told nothing more'}."
    return Done(to=here, said=said, undo=f"{here}/switch", undo_fields={"enabled": "" if enabled else "1"})


async def rotate_secret(visit: Visit) -> Shown:
    """Give an endpoint another secret, and show it."""
    made = await visit.change("endpoints.rotate_secret", {"id": visit.id})
    note = "The one before signs messages too"
    return Shown(ENDPOINT, Made("The new secret", made.secret, note, made.previous_secret_until))


async def delete_endpoint(visit: Visit) -> Done:
    """Delete an endpoint whose name was typed."""
    endpoint = await visit.ask("endpoints.get", {"id": visit.id})
    if visit.text("typed") != endpoint.name:
        raise ProblemError(422, "pages.settings.typed", f"type the endpoint's name, {endpoint.name}, to delete it")
    await visit.change("endpoints.delete", {"id": visit.id})
    return Done(to="/settings", said=f"{endpoint.name} is deleted.")


async def _context(visit: Visit, *, wrong: str = "", typed: Any = None) -> Context:
    account = await visit.ask("account.get")
    stream = await visit.ask("change_stream.get")
    endpoints = await visit.ask("endpoints.list", query={"limit": _ENDPOINTS}) if visit.may(Scope.ADMIN) else []
    return {"account": account, "version": version_of(account), "stream": stream, "endpoints": endpoints, "made": None,
            "wrong": wrong, "typed": typed or {"name": "", "url": "", "events": ["inventory.changed"]},
            "events": EVENTS}  # fmt: skip


def _events(visit: Visit) -> list[str]:
    return [event for event in EVENTS if f"event-{event}" in visit.form]


def _number(text: str, kind: Any) -> Any:
    try:
        return kind(text) if text else None
    except ValueError:
        raise ProblemError(422, "pages.settings.number", f"expected a number instead of {text[:40]}") from None


_ONE = r"/settings/endpoints/{id:\d+}"
PAGE = Page(name="settings", path="/settings", title="Settings", section="settings", show=show)
ENDPOINT = Page(name="endpoint", path=_ONE, title="Endpoint", section="settings", show=show_endpoint, scope=Scope.ADMIN)
ENTRIES = (
    PAGE,
    ENDPOINT,
    Action(path="/settings/account", act=save_account, scope=Scope.ADMIN),
    Action(path="/settings/limits", act=save_limits, scope=Scope.OPERATOR, fresh=True),
    Action(path="/settings/stream", act=save_stream, scope=Scope.ADMIN),
    Action(path="/settings/endpoints", act=create_endpoint, scope=Scope.ADMIN, shows=PAGE),
    Action(path=_ONE, act=save_endpoint, scope=Scope.ADMIN),
    Action(path=f"{_ONE}/switch", act=switch_endpoint, scope=Scope.ADMIN),
    Action(path=f"{_ONE}/rotate", act=rotate_secret, scope=Scope.ADMIN, shows=ENDPOINT),
    Action(path=f"{_ONE}/delete", act=delete_endpoint, scope=Scope.ADMIN),
)
