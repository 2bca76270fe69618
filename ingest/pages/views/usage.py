"""The account's day: what is used of the daily SKU limit, what waits, and when it is released."""

from __future__ import annotations

from ingest.pages.page import Context, Page
from ingest.pages.visit import Visit


async def show(visit: Visit) -> Context:
    """Return the day."""
    usage = await visit.ask("usage.get")
    share = None if not usage.limit else min(1.0, usage.used / usage.limit)
    return {"usage": usage, "share": share}


ENTRIES = (Page(name="usage", path="/usage", title="Usage", section="usage", show=show, live=("day",)),)
