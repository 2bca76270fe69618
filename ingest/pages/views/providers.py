"""Dropship providers: the vendors of the account, with their feeds."""

from __future__ import annotations

from ingest.api.framework.caller import Scope
from ingest.pages.links import next_of
from ingest.pages.page import Action, Context, Done, Page
from ingest.pages.visit import Visit, version_of
from ingest.pages.words import isolated

_SHOWN, _FEEDS = 50, 100


async def show(visit: Visit) -> Context:
    """Return a page of providers."""
    given = {"limit": _SHOWN, "after": visit.request.query.get("after")}
    answer = await visit.answer("dropship_providers.list", query=given)
    return {"providers": answer.body, "after": next_of(answer)}


async def show_one(visit: Visit) -> Context:
    """Return a provider with its feeds."""
    provider = await visit.ask("dropship_providers.get", {"id": visit.id})
    given = {"dropship_provider_id": provider.id, "limit": _FEEDS, "after": visit.request.query.get("after")}
    answer = await visit.answer("inventory_feeds.list", query=given)
    return {"title": provider.name, "provider": provider, "feeds": answer.body, "after": next_of(answer),
            "version": version_of(provider)}  # fmt: skip


async def create(visit: Visit) -> Done:
    """Make one."""
    provider = await visit.change("dropship_providers.create", body={"name": visit.text("name")})
    return Done(to=f"/providers/{provider.id}", said=f"{isolated(provider.name)} is there. Make its first feed next.")


async def rename(visit: Visit) -> Done:
    """Give one another name, if nobody did meanwhile."""
    before = await visit.ask("dropship_providers.get", {"id": visit.id})
    body, here = {"name": visit.text("name")}, f"/providers/{visit.id}"
    version = visit.text("version") or None
    provider = await visit.change("dropship_providers.update", {"id": visit.id}, body, version=version)
    return Done(
        to=here, said=f"It is called {isolated(provider.name)} now.", undo=here, undo_fields={"name": before.name}
    )


async def delete(visit: Visit) -> Done:
    """Delete one that has no feeds."""
    provider = await visit.ask("dropship_providers.get", {"id": visit.id})
    await visit.change("dropship_providers.delete", {"id": visit.id})
    return Done(to="/providers", said=f"{isolated(provider.name)} is deleted.")


_ONE = r"/providers/{id:\d+}"
ENTRIES = (
    Page(name="providers", path="/providers", title="Vendors", section="providers", show=show),
    Page(name="provider", path=_ONE, title="Vendor", section="providers", show=show_one),
    Action(path="/providers", act=create, scope=Scope.WRITE),
    Action(path=_ONE, act=rename, scope=Scope.WRITE),
    Action(path=f"{_ONE}/delete", act=delete, scope=Scope.WRITE),
)
