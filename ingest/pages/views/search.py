"""The box on every page: one exact hit is gone to at once, anything else is a list. The palette leads anywhere."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from aiohttp import web

from ingest.pages import layout
from ingest.pages.page import Context, Download, Fragment, Page, Way
from ingest.pages.visit import Visit

_LONGEST = 255
_FEEDS, _NAMED = 500, 8
"""Of how many feeds the names are compared, and how many of a kind are shown."""
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
    text = _text(visit)
    found = await _find(visit, text)
    exact = {way_to(one) for one in found if one.exact}
    if len(exact) == 1:
        raise web.HTTPSeeOther(exact.pop())
    return {"text": text, "found": _lines(found)}


async def palette(visit: Visit) -> Fragment:
    """Return where a text may lead from any page: pages and feeds by a part of their names, then what it names."""
    text = _text(visit)
    ways = [(way.address, way.label, "page") for way in pages_of(visit.request.app[layout.NAVIGATION], visit, text)]
    if text:
        feeds = await visit.ask("inventory_feeds.list", query={"limit": _FEEDS})
        named = [feed for feed in feeds if text.casefold() in feed.name.casefold()]
        ways += [(f"/feeds/{feed.id}", feed.name, "feed") for feed in named[:_NAMED]]
    ways += [(href, one.name, what) for href, one, what in _lines(await _find(visit, text))[:_NAMED]]
    return Fragment(template="search", block="ways", context={"ways": ways, "text": text})


def pages_of(navigation: tuple[Way, ...], visit: Visit, text: str) -> list[Way]:
    """Return the pages that somebody may open and whose names hold a text, those that begin with it first."""
    wanted = text.casefold()
    found = [way for way in navigation if visit.may(way.scope) and wanted in way.label.casefold()]
    return sorted(found, key=lambda way: not way.label.casefold().startswith(wanted))


def _text(visit: Visit) -> str:
    return visit.request.query.get("q", "").strip()


async def _find(visit: Visit, text: str) -> list[Any]:
    known = text and len(text) <= _LONGEST and "\0" not in text
    return await visit.ask("search.find", query={"q": text}) if known else []


def _lines(found: list[Any]) -> list[tuple[str, Any, str]]:
    """Return what was found, each thing once: its address, itself, what it is."""
    lines: dict[str, tuple[Any, str]] = {}
    for one in found:
        lines.setdefault(way_to(one), (one, _WHAT[one.by]))
    return [(href, one, what) for href, (one, what) in lines.items()]


def way_to(found: Any) -> str:
    """Return the address of what was found."""
    if found.by == "batch":
        return f"/receipts/{found.name}"
    if found.by == "run":
        return f"/feeds/{found.feed_id}/runs/{found.id}"
    if found.by in ("sku", "barcode"):
        return f"/sku/{quote(found.name, safe='')}"
    return f"/items/{found.id}"


ENTRIES = (
    Page(name="search", path="/search", title="Search", section="", show=search),
    Download(path="/palette", get=palette),
)
