"""One receipt: what became of each item of a batch."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from aiohttp import web

from ingest.pages.page import Context, Download, Page
from ingest.pages.visit import Visit

_SHOWN = 250


async def show(visit: Visit) -> Context:
    """Return a receipt, and the feed that it is of."""
    receipt = await visit.ask("batches.get", _path(visit))
    feed = await visit.ask("inventory_feeds.get", {"id": receipt.feed_id})
    return {"receipt": receipt, "feed": feed, "items": receipt.items[:_SHOWN], "title": "Receipt"}


async def rejects_csv(visit: Visit) -> web.StreamResponse:
    """Return the rejects as a file."""
    answer: web.StreamResponse = await visit.answer("batches.rejects_csv", _path(visit))
    return answer


def _path(visit: Visit) -> dict[str, Any]:
    return {"batch": UUID(visit.request.match_info["batch"])}


_ONE = r"/receipts/{batch:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}}"

ENTRIES = (
    Page(name="receipt", path=_ONE, title="Receipt", section="feeds", show=show, live=("state",)),
    Download(path=f"{_ONE}/rejects.csv", get=rejects_csv),
)
