"""The box on every page: one exact hit is gone to at once, anything else is a list."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from aiohttp import web

from ingest.pages.page import Context, Page
from ingest.pages.visit import Visit

_LONGEST = 255
_WHAT = {
    "sku": "variant, by its SKU",
    "barcode": "variant, by its barcode",
    "externalId": "item, by its externalId",
    "vendorSku": "item, by the vendor's SKU",
    "vendorBarcode": "item, by its barcode",
    "batch": "batch",
    "run": "run",
}


async def search(visit: Visit) -> Context:
    """Find what a text names, exactly first, then as a beginning."""
    text = visit.request.query.get("q", "").strip()
    known = text and len(text) <= _LONGEST and "\0" not in text
    found = await visit.ask("search.find", query={"q": text}) if known else []
    exact = {way_to(one) for one in found if one.exact}
    if len(exact) == 1:
        raise web.HTTPSeeOther(exact.pop())
    lines: dict[str, tuple[Any, str]] = {}
    for one in found:
        lines.setdefault(way_to(one), (one, _WHAT[one.by]))
    return {"text": text, "found": [(href, one, what) for href, (one, what) in lines.items()]}


def way_to(found: Any) -> str:
    """Return the address of what was found."""
    if found.by == "batch":
        return f"/receipts/{found.name}"
    if found.by == "run":
        return f"/feeds/{found.feed_id}/runs/{found.id}"
    if found.by in ("sku", "barcode"):
        return f"/sku/{quote(found.name, safe='')}"
    return f"/items/{found.id}"


ENTRIES = (Page(name="search", path="/search", title="Search", section="", show=search),)
