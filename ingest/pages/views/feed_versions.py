"""How a feed read its files before: what differs from now, who replaced it, and putting it back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ingest.api.framework.caller import Scope
from ingest.api.framework.dispatch import plain
from ingest.http.problems import ProblemError
from ingest.pages.links import next_of
from ingest.pages.page import Action, Context, Done, Page
from ingest.pages.visit import Visit, version_of

_SHOWN, _MOST = 20, 50


@dataclass(frozen=True, slots=True)
class Differs:
    """One setting of a version that is another one now; a mapping is told by attribute."""

    name: str
    then: Any
    now: Any


async def show(visit: Visit) -> Context:
    """Return a page of versions, the last replaced first."""
    feed = await visit.ask("inventory_feeds.get", {"id": visit.id})
    given = {"limit": _SHOWN, "after": visit.request.query.get("after")}
    answer = await visit.answer("feed_versions.list", {"id": visit.id}, given)
    now = plain(feed)
    versions = [(version, differs(_settings(version), now)) for version in answer.body]
    return {"title": f"Versions of {feed.name}", "feed": feed, "versions": versions, "after": next_of(answer),
            "version": version_of(feed), "here": f"/feeds/{feed.id}/versions"}  # fmt: skip


async def restore(visit: Visit) -> Done:
    """Put a version back, if nobody changed the feed meanwhile; what it replaces is a version too."""
    number = visit.number("version")
    versions = await visit.ask("feed_versions.list", {"id": visit.id}, {"limit": _MOST})
    version = next((one for one in versions if one.id == number), None)
    if version is None:
        raise ProblemError(404, "pages.feed_versions.not_found", "the feed has no such version any more")
    await visit.change("inventory_feeds.update", {"id": visit.id}, _settings(version), version=visit.text("version"))
    return Done(to=f"/feeds/{visit.id}/versions", said="It is put back; the next run reads by it.")


def differs(then: dict[str, Any], now: dict[str, Any]) -> list[Differs]:
    """Return what is another one now."""
    found = [
        Differs(name, value, now.get(name))
        for name, value in then.items()
        if name != "mapping" and value != now.get(name)
    ]
    before, after = then.get("mapping") or {}, now.get("mapping") or {}
    attributes = [name for name in dict.fromkeys((*before, *after)) if before.get(name) != after.get(name)]
    found += [Differs(name, _told(before.get(name)), _told(after.get(name))) for name in attributes]
    return found


def _told(expression: Any) -> Any:
    """Return a mapping's expression for people: the column, with what else is done in short."""
    if not isinstance(expression, dict):
        return expression
    if "constant" in expression:
        return f"always {expression['constant']}"
    steps = [one if isinstance(one, str) else one["name"] for one in expression.get("transforms") or []]
    default = f", default {expression['default']}" if expression.get("default") is not None else ""
    path = expression.get("path")
    columns = " or ".join(map(str, path)) if isinstance(path, list) else str(path)
    return f"{columns}{' with ' if steps else ''}{', '.join(steps)}{default}"


def _settings(version: Any) -> dict[str, Any]:
    return {"resourceType": version.resource_type, **version.settings}


_PATH = r"/feeds/{id:\d+}/versions"
ENTRIES = (
    Page(name="feed_versions", path=_PATH, title="Versions", section="feeds", show=show),
    Action(path=_PATH + r"/{version:\d+}/restore", act=restore, scope=Scope.WRITE),
)
