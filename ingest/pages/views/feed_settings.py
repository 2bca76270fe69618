"""A feed's settings; when somebody else changed them meanwhile, both versions side by side."""

from __future__ import annotations

from typing import Any

from ingest.api.framework.caller import Scope
from ingest.http.problems import ProblemError
from ingest.pages import layout
from ingest.pages.page import Action, Again, Context, Done, Page
from ingest.pages.tones import SCHEDULES
from ingest.pages.visit import Visit, version_of

_CHANGED = 412
_LABELS = {
    "name": "Name",
    "resourceLocation": "Address",
    "overLimit": "Over the daily limit",
    "allocationBuffer": "Kept back of each quantity",
    "automaticallyConnect": "Connect by SKU",
    "automaticallyConnectByBarcode": "Connect by barcode",
    "caseInsensitiveSkus": "SKUs in any case",
    "fetchFrequency": "Fetched",
    "fetchCron": "Cron",
    "fetchTimeZone": "Time zone of the schedule",
    "fetchCleanup": "Missing items get quantity 0",
    "fetchMissingGuard": "Held when rows fall by more than",
}
_SWITCHES = ("automaticallyConnect", "automaticallyConnectByBarcode", "caseInsensitiveSkus")


async def show(visit: Visit) -> Context:
    """Return a feed's settings as its form shows them."""
    feed = await visit.ask("inventory_feeds.get", {"id": visit.id})
    return _context(feed, _given(feed), "")


async def save(visit: Visit) -> Done | Again:
    """Change what the form holds, if the feed is still the version that it was made of."""
    feed = await visit.ask("inventory_feeds.get", {"id": visit.id})
    try:
        body = _body(visit, pulled=feed.resource_type != "webhook")
        await visit.change("inventory_feeds.update", {"id": visit.id}, body, version=visit.text("version"))
    except ProblemError as problem:
        typed = {**_given(feed), **{name: visit.text(name) for name in _LABELS if name in visit.form}}
        typed |= {name: name in visit.form for name in _SWITCHES}
        if problem.status != _CHANGED:
            return Again(page=PAGE, context=_context(feed, typed, layout.sentence(problem.detail)))
        theirs = _given(feed)
        both = [(_LABELS[name], theirs[name], typed[name]) for name in _LABELS if str(theirs[name]) != str(typed[name])]
        context = _context(feed, typed, "")
        return Again(page=PAGE, context={**context, "conflict": both}, status=_CHANGED)
    return Done(to=f"/feeds/{visit.id}", said="The settings are saved.")


def _context(feed: Any, given: dict[str, Any], problem: str) -> Context:
    return {
        "title": f"Settings of {feed.name}",
        "feed": feed,
        "pulled": feed.resource_type != "webhook",
        "given": given,
        "version": version_of(feed),
        "problem": problem,
        "conflict": [],
        "schedules": list(SCHEDULES.items()),
    }


def _given(feed: Any) -> dict[str, Any]:
    plain = feed.model_dump(mode="json", by_alias=True)
    given = {name: plain.get(name) for name in _LABELS}
    given["fetchMissingGuard"] = round((plain.get("fetchMissingGuard") or 0) * 100)
    given["fetchCleanup"] = plain.get("fetchCleanup") == "enabled"
    return {name: "" if value is None else value for name, value in given.items()}


def _body(visit: Visit, *, pulled: bool) -> dict[str, Any]:
    body: dict[str, Any] = {name: visit.text(name) or None for name in ("name", "overLimit")}
    body |= {name: name in visit.form for name in _SWITCHES}
    body["allocationBuffer"] = visit.whole("allocationBuffer", _LABELS["allocationBuffer"])
    if pulled:
        body |= {name: visit.text(name) or None for name in ("resourceLocation", "fetchFrequency")}
        body |= {name: visit.text(name) or None for name in ("fetchCron", "fetchTimeZone")}
        body["fetchCleanup"] = "enabled" if "fetchCleanup" in visit.form else "disabled"
        body["fetchMissingGuard"] = visit.whole("fetchMissingGuard", _LABELS["fetchMissingGuard"]) / 100
    return body


PAGE = Page(
    name="feed_settings",
    path=r"/feeds/{id:\d+}/settings",
    title="Settings",
    section="feeds",
    show=show,
    scope=Scope.WRITE,
)
ENTRIES = (PAGE, Action(path=PAGE.path, act=save))
