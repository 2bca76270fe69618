"""Variants: the account's own sellable products, which feed variants connect to by SKU or barcode.

A change owns the account's lock of variants until it commits, and looks for the feed variants that wait under it: with
the workers' side of it (workers/apply/variants.py) neither misses the other. The batches that connect them are written
in the same transaction (schemas/outbox.py), so that no broker that is away loses them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ingest.api.framework.call import Answer, Call, Scoped
from ingest.api.framework.collection import Collection
from ingest.api.framework.models import Query
from ingest.api.shared import road
from ingest.api.shared.variant_pages import VariantQuery, page
from ingest.api.shared.variants import CONNECT, SETTABLE, VARIANTS, Variant, VariantCreate, VariantUpdate

MAX_VARIANTS = 1_000


async def list_variants(call: Call[VariantQuery, None]) -> Answer:
    """Return a page."""
    rows = await page(call)
    return call.page(rows, [Variant.of(row) for row in rows], cursor="cursor")


async def get_variant(call: Call[Query, None]) -> Answer:
    """Return one."""
    return Answer((await _stored(call, [call.id]))[0])


async def create_variants(call: Call[Query, VariantCreate | list[VariantCreate]]) -> Answer:
    """Make one or many, all or none, and connect what waits for them."""
    many = isinstance(call.body, list)
    bodies: list[VariantCreate] = call.body if isinstance(call.body, list) else [call.body]
    skus = [body.sku for body in bodies]
    async with call.db.transaction() as db:
        await db.one(CONNECT.own_variants)
        taken = {row["sku"] for row in await db.all(VARIANTS.variant_skus, skus=skus)}
        taken |= {sku for sku, times in Counter(skus).items() if times > 1}
        if taken:
            raise _taken(call, sorted(taken))
        rows = await db.all(
            VARIANTS.variant_create,
            skus=skus,
            barcodes=[body.barcode for body in bodies],
            names=[body.name for body in bodies],
        )
        ids = [row["id"] for row in rows]
        await road.reconnect(call, db, await db.all(CONNECT.waiting_for, variant_ids=ids))
    await road.send(call)
    made = await _stored(call, ids)
    return Answer(made if many else made[0])


async def update_variant(call: Call[Query, VariantUpdate]) -> Answer:
    """Change one, and connect what waits for its new SKU or barcode."""
    sent = call.body.sent()
    async with call.db.transaction() as db:
        await db.one(CONNECT.own_variants)
        row = await _locked(call, db)
        if sent.get("sku", row["sku"]) != row["sku"] and await db.all(VARIANTS.variant_skus, skus=[sent["sku"]]):
            raise _taken(call, [sent["sku"]])
        if sent:
            known = {name: row[name] for name in SETTABLE}
            await db.one(VARIANTS.variant_update, id=call.id, **(known | sent))
        await road.reconnect(call, db, await db.all(CONNECT.waiting_for, variant_ids=[call.id]))
    await road.send(call)
    return Answer((await _stored(call, [call.id]))[0])


async def delete_variant(call: Call[Query, None]) -> Answer:
    """Delete one; its feed variants are disconnected, or connect to another variant that their feeds' rules find."""
    async with call.db.transaction() as db:
        await db.one(CONNECT.own_variants)
        await _locked(call, db)
        await db.one(VARIANTS.variant_delete, id=call.id)
        await road.reconnect(call, db, await db.all(VARIANTS.connected_to, variant_ids=[call.id]))
    await road.send(call)
    return Answer()


async def _locked(call: Call[Any, Any], db: Scoped) -> Any:
    return call.unchanged(await db.one(VARIANTS.variant_lock, id=call.id), "variant")


async def _stored(call: Call[Any, Any], ids: Sequence[int]) -> list[Variant]:
    rows = await call.db.all(VARIANTS.variant_list, ids=list(ids), after=None, sku=None, barcode=None, limit=None)
    if not rows:
        raise call.not_found("variant")
    return [Variant.of(row) for row in rows]


def _taken(call: Call[Any, Any], skus: list[str]) -> Exception:
    shown = ", ".join(skus[:10])
    return call.problem(409, "sku_taken", f"sku: the account has, or the body repeats, {shown}", {"sku": skus[:100]})


_COLLECTION = Collection("variants", "/api/variants", Variant, "variant")
_TAKEN = {
    409: "the account has a variant with this SKU already",
}

OPERATIONS = (
    _COLLECTION.list(list_variants, query=VariantQuery),
    _COLLECTION.create(
        create_variants,
        summary="Create a variant, or up to 1,000",
        description="All or none. Feed variants that wait for a SKU or barcode connect, by their feeds' settings.",
        body=VariantCreate,
        many=MAX_VARIANTS,
        example={"sku": "1234", "barcode": "4006381333931", "name": "Oak side table"},
        response=Variant | list[Variant],
        problems=_TAKEN,
        etag=False,
    ),
    _COLLECTION.get(get_variant),
    _COLLECTION.update(update_variant, body=VariantUpdate, example={"name": "Oak side table, large"}, problems=_TAKEN),
    _COLLECTION.delete(
        delete_variant,
        description="Its feed variants are disconnected, unless another variant matches by their feeds' rules.",
    ),
)
