"""What is not connected to a variant, or by hand; what each may mean; what other rules would connect."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field

from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.cursors import cursor
from ingest.api.framework.models import INT64_MAX, Query, Resource
from ingest.api.framework.operation import Operation
from ingest.feeds.candidates import BARCODE, Way, reason_of, ways
from schemas import queries

CONNECTIONS = queries.load("connections", beside=__file__)
LOOKED_AT, RULES_LOOKED_AT = 2_000, 5_000
_CANDIDATES = 5
Queue = Literal["unconnected", "ambiguous", "withoutSku", "byHand"]


class Cursor(NamedTuple):
    """Where a page ended: the last row's id, and what it is sorted by."""

    id: int
    key: str


_CURSOR = re.compile(r"^([0-9]{1,18})_([^\x00]{1,255})$", re.ASCII)


class ConnectionQuery(Query):
    """Which ones."""

    queue: Queue = Field("unconnected", description="ambiguous: the feed's rules find more than one variant")
    inventory_feed_id: int | None = Field(None, ge=1, le=INT64_MAX, description="of this feed")
    limit: int = Field(50, ge=1, le=100, description="rows of one page")
    after: Annotated[Cursor, cursor(_CURSOR, lambda of: Cursor(int(of[1]), of[2]))] | None = Field(
        None, description="continue after this one; as given by the `Link` header"
    )


class Candidate(Resource):
    """A variant that may be meant."""

    variant_id: int
    sku: str
    name: str | None
    reason: str


class Connection(Resource):
    """A feed variant, and what it is or may be connected to."""

    inventory_feed_variant_id: int
    inventory_feed_id: int
    feed_name: str
    external_id: str
    vendor_sku: str | None
    barcode: str | None
    name: str | None
    variant_id: int | None
    sku: str | None = Field(description="of the connected variant")
    candidates: list[Candidate] = Field(description="the likeliest first, five at most")


class FeedRules(Resource):
    """What the rules that a feed does not follow would connect."""

    inventory_feed_id: int
    name: str
    rows: int = Field(description="its feed variants among those looked at")
    any_case: int = Field(description="connected to exactly one variant by ignoring the case of SKUs")
    any_case_ambiguous: int = Field(description="more than one variant by it: they stay unconnected")
    barcode: int = Field(description="the same by barcodes")
    barcode_ambiguous: int


class Rules(Resource):
    """By feed, and how far it was looked."""

    looked_at: int = Field(description=f"feed variants without a variant, {RULES_LOOKED_AT:,} at most")
    complete: bool = Field(description="these are all")
    feeds: list[FeedRules]


async def list_connections(call: Call[ConnectionQuery, None]) -> Answer:
    """Return a page; one that looked at many rows and found few has a next one all the same."""
    query = call.query
    rows = await _looked(call)
    wanted = [row for row in rows if row["wanted"] and (query.queue != "ambiguous" or row["ambiguous"])]
    shown = wanted[: query.limit]
    found = await _candidates(call, shown)
    names = await call.db.all(CONNECTIONS.names, ids=[row["id"] for row in shown])
    named = {row["id"]: row["name"] for row in names}
    body = [
        Connection.of(
            {
                **row,
                "inventory_feed_variant_id": row["id"],
                "inventory_feed_id": row["feed_id"],
                "name": named.get(row["id"]),
                "candidates": found.get(row["id"], []),
            }
        )
        for row in shown
    ]
    end = shown[-1] if len(wanted) > len(shown) else rows[-1] if len(rows) == LOOKED_AT else None
    return Answer(body, headers=call.next_page(f"{end['id']}_{end['key']}") if end else {})


async def get_rules(call: Call[Query, None]) -> Answer:
    """Count what other rules would connect."""
    rows = await call.db.all(CONNECTIONS.rules, most=RULES_LOOKED_AT)
    looked_at = sum(row["rows"] for row in rows)
    feeds = [FeedRules.of({**row, "inventory_feed_id": row["id"]}) for row in rows]
    return Answer(Rules(looked_at=looked_at, complete=looked_at < RULES_LOOKED_AT, feeds=feeds))


async def _looked(call: Call[ConnectionQuery, None]) -> list[Any]:
    query, after = call.query, call.query.after
    given = {"feed_id": query.inventory_feed_id, "most": LOOKED_AT, "after_id": after and after.id}
    if query.queue == "byHand":
        variant = int(after.key) if after and after.key.isdecimal() else None
        return await call.db.all(CONNECTIONS.by_hand, after_variant=variant, **given)
    if query.queue == "withoutSku":
        return await call.db.all(CONNECTIONS.without_sku, **given)
    return await call.db.all(CONNECTIONS.unconnected, after_key=after and after.key, **given)


async def _candidates(call: Call[Any, Any], rows: Sequence[Any]) -> dict[int, list[Candidate]]:
    """Return the variants that each row may mean: by its SKU in other spellings, its barcode, its externalId."""
    tried = {row["id"]: ways(row["vendor_sku"], row["external_id"]) for row in rows}
    keys = sorted({way.key for found in tried.values() for way in found})
    barcodes = sorted({row["barcode"] for row in rows if row["barcode"]})
    by_sku = _grouped(await call.db.all(CONNECTIONS.by_skus, keys=keys, most=_CANDIDATES))
    by_barcode = _grouped(await call.db.all(CONNECTIONS.by_barcodes, keys=barcodes, most=_CANDIDATES))
    return {row["id"]: _of_row(row, tried[row["id"]], by_sku, by_barcode) for row in rows}


def _grouped(rows: Sequence[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for row in rows:
        found.setdefault(row["key"], []).append(row)
    return found


def _of_row(
    row: Any, tried: Sequence[Way], by_sku: dict[str, list[Any]], by_barcode: dict[str, list[Any]]
) -> list[Candidate]:
    """Return a row's candidates: its SKU as a whole first, then its barcode, then parts of its keys."""
    whole = (row["vendor_sku"] or "").lower()
    found: dict[int, Candidate] = {}
    order = [(way, variant) for way in tried for variant in by_sku.get(way.key, [])]
    first = [(reason_of(way, row["vendor_sku"], variant["sku"]), variant) for way, variant in order]
    same = [pair for pair, (way, _) in zip(first, order, strict=True) if way.key == whole]
    rest = [pair for pair, (way, _) in zip(first, order, strict=True) if way.key != whole]
    barcodes = [(BARCODE, variant) for variant in by_barcode.get(row["barcode"], [])]
    for reason, variant in [*same, *barcodes, *rest]:
        if variant["id"] != row["variant_id"]:
            known = {"variant_id": variant["id"], "sku": variant["sku"], "name": variant["name"], "reason": reason}
            found.setdefault(variant["id"], Candidate.of(known))
    return list(found.values())[:_CANDIDATES]


OPERATIONS = (
    Operation(
        name="connections.list",
        method="GET",
        path="/api/connections.json",
        summary="List feed variants to connect, with the variants that each may mean",
        description="Not connected (in the order of their SKUs), ambiguous, without a SKU, or connected to a variant "
        f"that no rule of the feed finds. A page looks at {LOOKED_AT:,} rows at most, so it may have few, even none, "
        "and still a next one. Connect by `PUT /api/inventory-feed-variants/{id}.json` with `variantId`.",
        scope=Scope.READ,
        query=ConnectionQuery,
        response=list[Connection],
        handler=list_connections,
    ),
    Operation(
        name="connections.rules",
        method="GET",
        path="/api/connections/rules.json",
        summary="Count what other rules would connect",
        description="Of each feed with feed variants that are not connected: how many ignoring the case of SKUs, and "
        "how many barcodes, would connect, and how many would be ambiguous.",
        scope=Scope.READ,
        response=Rules,
        handler=get_rules,
    ),
)
