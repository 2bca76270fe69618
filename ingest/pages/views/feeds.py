"""Feeds: how each is doing, and one feed with its runs or posts and what can be done to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ingest.api.framework.caller import Scope
from ingest.feeds.conditions import Condition
from ingest.http.problems import ProblemError
from ingest.pages import charts, layout, tones
from ingest.pages.links import next_of
from ingest.pages.page import Action, Context, Done, Page
from ingest.pages.visit import Visit, version_of
from ingest.pages.words import isolated

_SHOWN = 50
WEBHOOK = "/webhooks/inventory-feeds/parse-webhooks.json"
BEHIND = "behind"
_FILTERS = [
    ("", "All"),
    (BEHIND, "Behind"),
    *((condition.value, condition.value.capitalize()) for condition in Condition),
]


@dataclass(frozen=True, slots=True)
class Line:
    """A feed as the list shows it: `rows` of the last parsed file (of `run`), `change` against the one before."""

    feed: Any
    rows: int | None
    change: int | None
    rejects: int | None
    strip: list[tuple[str, str]]
    strip_words: str
    run: int | None = None


async def show_list(visit: Visit) -> Context:
    """Return a page of feeds."""
    given: dict[str, Any] = {name: visit.request.query.get(name) for name in ("after", "condition")}
    if given["condition"] == BEHIND:
        given = {"after": given["after"], "behind": True}
    answer = await visit.answer("feed_conditions.list", query={**given, "limit": _SHOWN})
    return {
        "lines": [line_of(feed) for feed in answer.body],
        "filters": _FILTERS,
        "after": next_of(answer),
        "first": "" if answer.body or any(given.values()) else await _first(visit),
    }


async def _first(visit: Visit) -> str:
    """Return the line that makes an account's first feed by the API, or the vendor that it needs before."""
    providers = await visit.ask("dropship_providers.list", query={"limit": 1})
    if not providers:
        return layout.curl(visit, visit.asking("dropship_providers.create", {"name": "Acme"}))
    body = {"name": "Acme stock", "dropshipProviderId": providers[0].id, "resourceType": "webhook"}
    return layout.curl(visit, visit.asking("inventory_feeds.create", body))


async def show_one(visit: Visit) -> Context:
    """Return a feed with its last runs, or its last posts."""
    feed = await visit.ask("inventory_feeds.get", {"id": visit.id})
    conditions = await visit.ask("feed_conditions.list", query={"feed_id": feed.id})
    pulled = feed.resource_type != "webhook"
    given = {"limit": 20, "after": visit.request.query.get("after")}
    if pulled:
        answer = await visit.answer("runs.list", {"id": feed.id}, given)
    else:
        answer = await visit.answer("batches.list", query={**given, "feed_id": feed.id})
    provider = await visit.ask("dropship_providers.get", {"id": feed.dropship_provider_id})
    return {
        "title": feed.name,
        "feed": feed,
        "provider": provider,
        "line": line_of(conditions[0]),
        "pulled": pulled,
        "runs": answer.body if pulled else [],
        "batches": [] if pulled else answer.body,
        "after": next_of(answer),
        "fetched": fetched(feed),
        "edge": edge_url(visit) + WEBHOOK,
        "grace_s": visit.services.settings.hash_grace_s,
    }


async def fetch_now(visit: Visit) -> Done:
    """Queue a run and go to it."""
    body = {name: True for name in ("force", "dryRun") if visit.text(name)} or None
    run = await visit.change("runs.fetch", {"id": visit.id}, body)
    return Done(to=f"/feeds/{visit.id}/runs/{run.id}")


async def switch(visit: Visit) -> Done:
    """Enable or disable a feed; the toast takes it back."""
    enabled = visit.text("enabled") == "1"
    if enabled:
        feed = await visit.change("inventory_feeds.update", {"id": visit.id}, {"enabled": True})
    else:
        feed = await visit.change("inventory_feeds.disable", {"id": visit.id}, {"reason": visit.text("reason") or None})
    said = f"{isolated(feed.name)} is {'enabled' if enabled else 'disabled: it takes no posts and is not fetched'}."
    path = f"/feeds/{visit.id}/switch"
    return Done(to=f"/feeds/{visit.id}", said=said, undo=path, undo_fields={"enabled": "" if enabled else "1"})


async def rotate(visit: Visit) -> Done:
    """Give a feed a new webhook hash."""
    feed = await visit.change("inventory_feeds.rotate_hash", {"id": visit.id})
    return Done(
        to=f"/feeds/{visit.id}", said=f"{isolated(feed.name)} has a new hash. The one before works for a while."
    )


async def delete(visit: Visit) -> Done:
    """Delete a feed whose name was typed."""
    feed = await visit.ask("inventory_feeds.get", {"id": visit.id})
    if visit.text("typed") != feed.name:
        raise ProblemError(422, "pages.feeds.typed", f"type the feed's name, {feed.name}, to delete it")
    await visit.change("inventory_feeds.delete", {"id": visit.id}, version=version_of(feed))
    return Done(to="/feeds", said=f"{isolated(feed.name)} is deleted. Its stored items are removed in the background.")


def line_of(feed: Any) -> Line:
    """Return a feed as a line: what its last parsed files had, and its strip, oldest first."""
    parsed = [run for run in feed.runs if run.rows_read is not None]
    rows = parsed[0].rows_read if parsed else None
    change = rows - parsed[1].rows_read if rows is not None and len(parsed) > 1 else None
    told = [run.status.value for run in reversed(feed.runs)]
    marks = charts.strip([tones.of(run.status) for run in reversed(feed.runs)])
    words = f"the last {len(told)} runs: {', '.join(told)}" if told else ""
    last = parsed[0] if parsed else None
    return Line(feed, rows, change, last and last.rows_rejected, marks, words, last and last.id)


def fetched(feed: Any) -> str:
    """Return when a pulled feed is fetched, in words."""
    if feed.resource_type == "webhook":
        return ""
    words = tones.SCHEDULES[feed.fetch_frequency]
    return f"{words} {feed.fetch_cron}" if feed.fetch_frequency == "custom" else words


def edge_url(visit: Visit) -> str:
    """Return the edge's address as vendors see it."""
    settings = visit.services.settings
    return settings.edge_url.rstrip("/") or f"http://{settings.host}:{settings.port}"


ENTRIES = (
    Page(name="feeds", path="/feeds", title="Feeds", section="feeds", show=show_list, live=("list",)),
    Page(name="feed", path=r"/feeds/{id:\d+}", title="Feed", section="feeds", show=show_one, live=("state", "history")),
    Action(path=r"/feeds/{id:\d+}/fetch", act=fetch_now, scope=Scope.WRITE),
    Action(path=r"/feeds/{id:\d+}/switch", act=switch, scope=Scope.WRITE),
    Action(path=r"/feeds/{id:\d+}/rotate", act=rotate, scope=Scope.WRITE),
    Action(path=r"/feeds/{id:\d+}/delete", act=delete, scope=Scope.WRITE),
)
