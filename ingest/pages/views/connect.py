"""What is not connected to a variant, with what it may mean; connecting is one key, and taken back by another."""

from __future__ import annotations

from typing import Any

from ingest.api.framework.caller import Scope
from ingest.http.problems import ProblemError
from ingest.pages import layout
from ingest.pages.links import next_of
from ingest.pages.page import Action, Context, Done, Download, Fragment, Page
from ingest.pages.visit import Visit
from ingest.pages.words import isolated

_SHOWN = 50
QUEUES = [
    ("unconnected", "Not connected", "in the order of their SKUs"),
    ("ambiguous", "Ambiguous", "the feed's rules find more than one variant, and so connect none"),
    ("withoutSku", "Without a SKU", "connected by barcode or by hand"),
    ("byHand", "Connected by hand", "to a variant that no rule of the feed finds"),
]


async def show(visit: Visit) -> Context:
    """Return a page of one queue."""
    query = visit.request.query
    queue = query.get("queue", "unconnected")
    given = {"queue": queue, "inventory_feed_id": query.get("feed"), "after": query.get("after"), "limit": _SHOWN}
    answer = await visit.answer("connections.list", query=given)
    note = next((note for name, _, note in QUEUES if name == queue), "")
    return {"rows": answer.body, "after": next_of(answer), "queue": queue, "queues": QUEUES, "note": note}


async def rules(visit: Visit) -> Fragment:
    """Return what other rules would connect, for a page that loads it later."""
    found = await visit.ask("connections.rules")
    found.feeds.sort(key=lambda feed: -(feed.any_case + feed.barcode))
    told = [feed for feed in found.feeds if feed.any_case + feed.any_case_ambiguous + feed.barcode
            + feed.barcode_ambiguous]  # fmt: skip
    return Fragment(template="connect", block="rules", context={"rules": found, "told": told, "q": {}})


async def connect(visit: Visit) -> Done:
    """Connect a feed variant to a variant, by its id or its SKU, or disconnect it (neither)."""
    item = await visit.ask("inventory_feed_variants.get", {"id": visit.id})
    wanted = await _variant(visit)
    answer = await visit.change("inventory_feed_variants.update", {"id": visit.id}, {"variantId": wanted})
    late = not hasattr(answer, "external_id")
    did = f"is connected to {visit.text('sku') or f'variant {wanted}'}" if wanted else "is not connected any more"
    said = f"{isolated(item.external_id)} {did}{', as soon as its batch is applied' if late else ''}."
    back = visit.text("back")
    return Done(
        to=back if layout.is_local(back) and back.startswith("/connect") else "/connect",
        said=said,
        undo=f"/connect/{visit.id}",
        undo_fields={"variant": str(item.variant_id or ""), "back": back},
    )


async def _variant(visit: Visit) -> int | None:
    number, sku = visit.text("variant"), visit.text("sku")
    if number.isascii() and number.isdecimal():
        return int(number)
    if not sku:
        return None
    found: list[Any] = await visit.ask("variants.list", query={"sku": sku, "limit": 1})
    if not found:
        raise ProblemError(422, "pages.connect.unknown", f"the account has no variant with the SKU {sku[:100]}")
    variant_id: int = found[0].id
    return variant_id


ENTRIES = (
    Page(name="connect", path="/connect", title="Connect", section="connect", show=show),
    Download(path="/connect/rules", get=rules),
    Action(path=r"/connect/{id:\d+}", act=connect, scope=Scope.WRITE),
)
