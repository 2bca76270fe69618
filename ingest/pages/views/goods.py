"""One SKU and one item: the quantity as a sum, and every message that touched it; and the search that finds them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from aiohttp import web

from ingest.api.framework.dispatch import plain
from ingest.http.problems import ProblemError
from ingest.pages.arithmetic import sentence_of, terms_of
from ingest.pages.page import Context, Page
from ingest.pages.visit import Visit
from schemas.keys import clean_key, is_no_barcode

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_FOUND, _SHOWN = 20, 100
_FEEDS = 250


async def show_sku(visit: Visit) -> Context:
    """Return a variant: what it sells and why, and what its feed variants went through."""
    sku = visit.request.match_info["sku"]
    variants = await visit.ask("variants.list", query={"sku": sku, "limit": 1})
    if not variants:
        raise ProblemError(404, "pages.sku.not_found", f"the account has no variant with the SKU {sku[:100]}")
    variant = variants[0]
    items = await visit.ask("inventory_feed_variants.list", query={"variant_id": variant.id, "limit": 20})
    feeds = await _feeds(visit, items)
    terms = terms_of(items, feeds)
    total = variant.available_quantity
    entries, kept = await _entries(visit, items[:5], feeds)
    return {"title": sku, "sku": variant, "items": items, "feeds": feeds, "terms": terms, "entries": entries,
            "sentence": sentence_of(terms, total), "kept": kept}  # fmt: skip


async def show_item(visit: Visit) -> Context:
    """Return a feed variant: what it holds, and every message that touched it."""
    item = await visit.ask("inventory_feed_variants.get", {"id": visit.id})
    feeds = await _feeds(visit, [item])
    history = plain((await visit.answer("history.get", {"id": visit.id}, _before(visit))).body)
    attributes = item.model_dump(mode="json", by_alias=True)
    return {
        "title": item.external_id,
        "item": item,
        "feed": feeds.get(item.inventory_feed_id),
        "term": terms_of([item], feeds)[0],
        "attributes": {name: value for name, value in attributes.items() if value not in (None, [], "")},
        "entries": [{**_plain(entry), "feed": None} for entry in history["entries"]],
        "kept": history["changesKept"],
        "next": history["next"],
    }


async def search(visit: Visit) -> Context:
    """Find a SKU, external id, barcode or batch id: exact; one hit is gone to at once."""
    text = clean_key(visit.request.query.get("q", ""))
    found: list[tuple[str, str, str]] = []
    if _UUID.fullmatch(text.lower()):
        raise web.HTTPSeeOther(f"/receipts/{text.lower()}")
    if text and len(text) <= 255:  # noqa: PLR2004 - the longest SKU
        barcode = () if is_no_barcode(text) else (({"barcode": text}, "barcode"),)
        for query, label in (({"sku": text}, "SKU"), *barcode):
            variants = await visit.ask("variants.list", query={**query, "limit": _FOUND})
            exact = (one for one in variants if text in (one.sku, one.barcode))
            found += [(f"/sku/{one.sku}", one.sku, f"variant, found by {label}") for one in exact]
        for query, label in (({"external_id": text}, "externalId"), ({"vendor_sku": text}, "vendor's SKU")):
            items = await visit.ask("inventory_feed_variants.list", query={**query, "limit": _FOUND})
            exact = (one for one in items if text in (one.external_id, one.vendor_sku))
            found += [
                (f"/items/{one.id}", one.external_id, f"item of feed {one.inventory_feed_id}, by {label}")
                for one in exact
            ]
    found = list(dict.fromkeys(found))
    if len({href for href, _, _ in found}) == 1:
        raise web.HTTPSeeOther(found[0][0])
    return {"text": text, "found": found}


def _before(visit: Visit) -> dict[str, Any]:
    return {"before": visit.request.query.get("before")}


async def _feeds(visit: Visit, items: list[Any]) -> dict[int, Any]:
    wanted = {item.inventory_feed_id for item in items}
    return {number: await visit.ask("inventory_feeds.get", {"id": number}) for number in sorted(wanted)}


async def _entries(visit: Visit, items: list[Any], feeds: dict[int, Any]) -> tuple[list[dict[str, Any]], bool]:
    """Return what the items went through, newest first, and whether the account keeps its changes."""
    found: list[dict[str, Any]] = []
    kept = True
    for item in items:
        answer = await visit.answer("history.get", {"id": item.id})
        name = feeds[item.inventory_feed_id].name
        history = plain(answer.body)
        kept = history["changesKept"]
        found += [{**_plain(entry), "feed": name} for entry in history["entries"]]
    newest = sorted(found, key=lambda entry: str(entry["appliedAt"]), reverse=True)
    return newest[:_SHOWN], kept


def _plain(entry: Any) -> dict[str, Any]:
    """Return an entry with all its names, whatever it leaves out."""
    empty = dict.fromkeys(("index", "runId", "changes", "code", "message", "supersededBy", "since", "times", "batchId"))
    known: dict[str, Any] = {**empty, **plain(entry)}
    for name in ("receivedAt", "appliedAt", "since"):
        if isinstance(known.get(name), str):
            known[name] = datetime.fromisoformat(known[name])
    return known


ENTRIES = (
    Page(name="search", path="/search", title="Search", section="", show=search),
    Page(name="sku", path="/sku/{sku:.+}", title="SKU", section="", show=show_sku),
    Page(name="item", path=r"/items/{id:\d+}", title="Item", section="", show=show_item, live=("history",)),
)
