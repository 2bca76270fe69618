"""The links by which a feed's vendor sees it: made, shown once, revoked."""

from __future__ import annotations

from datetime import UTC, datetime

from ingest.api.framework.caller import Scope
from ingest.pages.page import Action, Context, Done, Made, Page, Shown
from ingest.pages.visit import Visit


async def show(visit: Visit) -> Context:
    """Return a feed's links."""
    feed = await visit.ask("inventory_feeds.get", {"id": visit.id})
    links = await visit.ask("vendor_links.list", {"id": visit.id})
    here = f"/feeds/{feed.id}/vendor-links"
    return {"title": f"Links of {feed.name}", "feed": feed, "links": links, "made": None, "here": here,
            "now": datetime.now(UTC)}  # fmt: skip


async def make(visit: Visit) -> Shown:
    """Make one and show it, this once."""
    days = visit.text("days")
    body = {"note": visit.text("note") or "vendor", "days": int(days) if days.isdecimal() else 30}
    made = await visit.change("vendor_links.create", {"id": visit.id}, body)
    return Shown(PAGE, Made(f"The link for {made.note}", made.link))


async def revoke(visit: Visit) -> Done:
    """Revoke one: whoever looks by it is out at once."""
    link = await visit.change("vendor_links.revoke", {"id": visit.id, "link": visit.number("link")})
    return Done(to=f"/feeds/{visit.id}/vendor-links", said=f"The link for {link.note} works no more.")


_PATH = r"/feeds/{id:\d+}/vendor-links"
PAGE = Page(name="vendor_links", path=_PATH, title="Links for the vendor", section="feeds", show=show)
ENTRIES = (
    PAGE,
    Action(path=_PATH, act=make, scope=Scope.WRITE, shows=PAGE),
    Action(path=_PATH + r"/{link:\d+}/revoke", act=revoke, scope=Scope.WRITE),
)
