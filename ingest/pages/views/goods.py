"""One SKU and one item: the quantity as a sum, and every message that touched it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from ingest.api.framework.dispatch import plain
from ingest.api.framework.downloads import csv_file
from ingest.http.problems import ProblemError
from ingest.pages import timeline
from ingest.pages.arithmetic import sentence_of, terms_of
from ingest.pages.page import Action, Context, Done, Download, Fragment, Page
from ingest.pages.visit import Visit

_ITEMS, _SHOWN, _PAGES = 20, 100, 20
_OVERRIDES = [("none", "the vendor's number"), ("manual", "by hand, whatever the vendor says"),
              ("maximum", "at most, by hand")]  # fmt: skip


async def show_sku(visit: Visit) -> Context:
    """Return a variant: what it sells and why, and what its feed variants went through."""
    variant, items, feeds = await _sku(visit, visit.request.match_info["sku"])
    terms = terms_of(items, feeds)
    entries: list[timeline.Entry] = []
    kept = True
    for item in items[:5]:
        history = await _history(visit, item.id, None)
        kept = history["changesKept"]
        entries += [one for one in _entries(history, feeds[item.inventory_feed_id].name) if one not in entries]
    newest = timeline.naming(_newest(entries), {variant.id: variant.sku})
    one = items[0] if len(items) == 1 else None
    return {
        "title": variant.sku,
        "sku": variant,
        "terms": terms,
        "sentence": sentence_of(terms, variant.available_quantity),
        "one": one,
        **_told(visit, newest[:_SHOWN], charted=one is not None),
        "kept": kept,
    }


async def show_item(visit: Visit) -> Context:
    """Return a feed variant: what it holds, and every message that touched it."""
    item = await visit.ask("inventory_feed_variants.get", {"id": visit.id})
    feeds = await _feeds(visit, [item])
    history = await _history(visit, item.id, visit.request.query.get("before"))
    attributes = item.model_dump(mode="json", by_alias=True)
    sku = await visit.ask("variants.get", {"id": item.variant_id}) if item.variant_id else None
    return {
        "title": item.external_id,
        "item": item,
        "sku": sku,
        "feed": feeds.get(item.inventory_feed_id),
        "term": terms_of([item], feeds)[0],
        "attributes": {name: value for name, value in attributes.items() if value not in (None, [], "")},
        **_told(
            visit, timeline.naming(_newest(_entries(history, None)), {sku.id: sku.sku} if sku else {}), charted=True
        ),
        "kept": history["changesKept"],
        "next": history["next"],
        "overrides": _OVERRIDES,
    }


async def outlook(visit: Visit) -> Fragment:
    """Return what an override would make of it, before it is saved."""
    given = {name: visit.request.query.get(name, "").strip() for name in _override({})}
    path = {"id": visit.id}
    item = await visit.ask("inventory_feed_variants.get", path)
    try:
        told = await visit.ask("outlooks.get", path, given)
    except ProblemError as problem:
        return Fragment(template="item", block="would", context={"would": None, "wrong": problem.detail})
    return Fragment(template="item", block="would", context={"would": told, "item": item, "wrong": ""})


async def override(visit: Visit) -> Done:
    """Set a quantity by hand; the toast takes it back."""
    path, here = {"id": visit.id}, f"/items/{visit.id}"
    before = (await visit.ask("inventory_feed_variants.get", path)).model_dump(mode="json", by_alias=True)
    body = _override(visit.form)
    changed = await visit.change("inventory_feed_variants.update", path, body)
    known = getattr(changed, "available_quantity", None)
    said = "It is on its way: reload in a moment." if not hasattr(changed, "outcome") else (
        f"Saved: may sell {known:,}." if known is not None else "Saved."
    )  # fmt: skip
    fields = {name: "" if before[name] is None else str(before[name]) for name in body}
    return Done(to=here, said=said, undo=f"{here}/override", undo_fields=fields)


async def item_csv(visit: Visit) -> web.StreamResponse:
    """Return an item's timeline as a file, as far as receipts reach."""
    item = await visit.ask("inventory_feed_variants.get", {"id": visit.id})
    feeds = await _feeds(visit, [item])
    entries = await _all(visit, item, feeds)
    return csv_file(f"timeline-{item.id}.csv", timeline.HEADER, timeline.rows_of(_newest(entries)))


async def sku_csv(visit: Visit) -> web.StreamResponse:
    """Return the timeline of all of a SKU's items as a file."""
    variant, items, feeds = await _sku(visit, visit.request.query.get("sku", ""))
    entries = [entry for item in items for entry in await _all(visit, item, feeds)]
    return csv_file(f"timeline-sku-{variant.id}.csv", timeline.HEADER, timeline.rows_of(_newest(entries)))


async def _sku(visit: Visit, sku: str) -> tuple[Any, list[Any], dict[int, Any]]:
    variants = await visit.ask("variants.list", query={"sku": sku, "limit": 1}) if sku else []
    if not variants:
        raise ProblemError(404, "pages.sku.not_found", f"the account has no variant with the SKU {sku[:100]}")
    given = {"variant_id": variants[0].id, "limit": _ITEMS}
    items = await visit.ask("inventory_feed_variants.list", query=given)
    return variants[0], items, await _feeds(visit, items)


async def _feeds(visit: Visit, items: list[Any]) -> dict[int, Any]:
    wanted = {item.inventory_feed_id for item in items}
    return {number: await visit.ask("inventory_feeds.get", {"id": number}) for number in sorted(wanted)}


async def _history(visit: Visit, feed_variant_id: int, before: str | None) -> dict[str, Any]:
    history: dict[str, Any] = plain(
        (await visit.answer("history.get", {"id": feed_variant_id}, {"before": before})).body
    )
    return history


async def _all(visit: Visit, item: Any, feeds: dict[int, Any]) -> list[timeline.Entry]:
    """Return the entries of an item's whole history, within bounds."""
    found: list[timeline.Entry] = []
    before = None
    for _ in range(_PAGES):
        history = await _history(visit, item.id, before)
        name = feeds[item.inventory_feed_id].name
        found += _entries(history, name)
        before = history["next"]
        if before is None:
            break
    return found


def _told(visit: Visit, entries: list[timeline.Entry], *, charted: bool) -> Context:
    attribute = visit.request.query.get("attribute", "")
    chart = timeline.quantity_chart(entries, datetime.now(UTC), visit.session.time_zone) if charted else None
    names = timeline.attributes_of(entries)
    filters = [*names, attribute] if attribute and attribute not in names else names
    return {
        "entries": timeline.about(entries, attribute),
        "filters": filters,
        "chosen": attribute,
        "chart": chart,
    }


def _entries(history: dict[str, Any], feed: str | None) -> list[timeline.Entry]:
    told = [timeline.entry_of(entry, feed) for entry in history["entries"]]
    return told + [timeline.decision_of(decision, feed) for decision in history["decisions"]]


def _newest(entries: list[timeline.Entry]) -> list[timeline.Entry]:
    return sorted(entries, key=lambda entry: str(entry["appliedAt"]), reverse=True)


def _override(form: Any) -> dict[str, Any]:
    """Return the attributes of an override as a form holds them."""
    number = str(form.get("manualInventoryQuantity", "")).strip()
    whole = number.removeprefix("-")
    value: Any = int(number) if whole.isascii() and whole.isdecimal() and len(whole) < 11 else number or None  # noqa: PLR2004 - the API says which are too large
    return {"inventoryQuantityOverride": form.get("inventoryQuantityOverride", "none"),
            "manualInventoryQuantity": value}  # fmt: skip


_ITEM = r"/items/{id:\d+}"

ENTRIES = (
    Page(name="sku", path="/sku/{sku:.+}", title="SKU", section="", show=show_sku),
    Page(name="item", path=_ITEM, title="Item", section="", show=show_item, live=("quantity", "history")),
    Download(path="/sku-timeline.csv", get=sku_csv),
    Download(path=f"{_ITEM}/timeline.csv", get=item_csv),
    Download(path=f"{_ITEM}/outlook", get=outlook),
    Action(path=f"{_ITEM}/override", act=override),
)
