"""Feed variants: the vendors' items as stored. Reading is SQL; every change takes the one road."""

from __future__ import annotations

from typing import Any

from ingest.api.framework.call import Answer, Call
from ingest.api.framework.collection import Collection
from ingest.api.framework.models import INT64_MAX, Query
from ingest.api.shared import road, stored
from ingest.api.shared.feeds import FEEDS
from ingest.api.shared.goods import (
    ChangedFeedVariant,
    FeedVariant,
    FeedVariantChanges,
    FeedVariantQuery,
    Late,
    NewFeedVariant,
)
from ingest.api.shared.stored import GOODS
from ingest.api.shared.stored_pages import newest, page
from schemas.batches import Operation as Asked
from schemas.outcomes import Outcome


async def list_feed_variants(call: Call[FeedVariantQuery, None]) -> Answer:
    """Return a page; with a filter that no index answers it may have fewer rows than `limit`, even none, and go on."""
    if call.query.sort == "-id":
        rows, end = await newest(call)
    else:
        rows, last = await page(call, call.query.after, call.query.rows)
        end = last and f"{last.feed_id}_{last.external_id}"
    answer = call.page(rows, [FeedVariant.of_row(row) for row in rows], cursor="cursor")
    if end is None or answer.headers:
        return answer
    return Answer(answer.body, headers=call.next_page(end))


async def get_feed_variant(call: Call[Query, None]) -> Answer:
    """Return one."""
    return Answer(FeedVariant.of_row(await stored.by_id(call, call.id)))


async def create_feed_variant(call: Call[Query, dict[str, Any]]) -> Answer:
    """Make one in a feed that has none with this externalId."""
    element = _object(call)
    feed_id = element.pop("inventoryFeedId", None)
    if not isinstance(feed_id, int) or isinstance(feed_id, bool) or not 1 <= feed_id <= INT64_MAX:
        raise call.invalid("inventoryFeedId", "required" if feed_id is None else "type", "expected the id of a feed")
    (item,) = road.one_item(call, element).items
    if not call.caller.sees(feed_id) or await call.db.one(FEEDS.feed_get, id=feed_id) is None:
        raise call.invalid("inventoryFeedId", "value", "the account has no feed with this id")
    known = await stored.by_key(call, feed_id, item["externalId"])
    if known is not None:
        detail = f"the feed has this externalId: change feed variant {known['id']}"
        raise call.problem(409, "exists", detail, {"id": known["id"]})
    return await stored.upsert(call, road.batch_of(call, feed_id, [item]), status=201)


async def update_feed_variant(call: Call[Query, dict[str, Any]]) -> Answer:
    """Change one, connect or disconnect it."""
    row = await stored.by_id(call, call.id)
    call.check_match(row["updated_at"])
    element = _object(call)
    if element.setdefault("externalId", row["external_id"]) != row["external_id"]:
        raise call.invalid("externalId", "value", "it is the key of the feed variant, and cannot be changed")
    by_hand = element.pop("variantId", _OMITTED)
    if by_hand is not _OMITTED and call.caller.feeds is not None:
        raise call.invalid("variantId", "not_applicable", "a token that is bound to feeds knows no variants")
    (item,) = road.one_item(call, element).items
    if by_hand is not _OMITTED:
        late = await _connect_by_hand(call, row, by_hand)
        if late is not None and len(item) == 1:
            return late
        if len(item) == 1:
            return Answer(stored.changed(await stored.by_id(call, call.id), Outcome.UPDATED))
    return await stored.upsert(call, road.batch_of(call, row["feed_id"], [item]))


async def delete_feed_variant(call: Call[Query, None]) -> Answer:
    """Delete one; if its vendor sends it again it is made anew."""
    row = await stored.by_id(call, call.id)
    call.check_match(row["updated_at"])
    batch = road.batch_of(call, row["feed_id"], [{"externalId": row["external_id"]}], Asked.DELETE)
    reply = await road.ask(call, batch)
    return road.late(call, batch) if reply is None else Answer()


_OMITTED = object()


def _object(call: Call[Any, Any]) -> dict[str, Any]:
    """Return a copy of the body, which must be one object; raises 422."""
    if not isinstance(call.body, dict):
        raise call.invalid("body", "type", "expected one object")
    return dict(call.body)


async def _connect_by_hand(call: Call[Any, Any], row: Any, variant_id: Any) -> Answer | None:
    """Connect to a variant, or disconnect (None); returns the 202 if the reply is late."""
    if variant_id is not None:
        known = isinstance(variant_id, int) and not isinstance(variant_id, bool) and 1 <= variant_id <= INT64_MAX
        if not known or await call.db.one(GOODS.variant_exists, id=variant_id) is None:
            raise call.invalid("variantId", "value" if known else "type", "expected the id of a variant, or null")
    item = {"externalId": row["external_id"], "variantId": variant_id}
    batch = road.batch_of(call, row["feed_id"], [item], Asked.CONNECT)
    return road.late(call, batch) if await road.ask(call, batch) is None else None


_COLLECTION = Collection("inventory_feed_variants", "/api/inventory-feed-variants", FeedVariant, "feed variant")

OPERATIONS = (
    _COLLECTION.list(
        list_feed_variants,
        description="In the order of feed and `externalId`; every page takes the same time. With `updatedSince` or "
        "`connected` a page may have fewer rows than `limit`, even none, and still a next one.",
        query=FeedVariantQuery,
        bound=True,
    ),
    _COLLECTION.create(
        create_feed_variant,
        bound=True,
        body=NewFeedVariant,
        validated=False,
        example={"inventoryFeedId": 1, "externalId": "1234", "vendorSku": "1234", "inventoryQuantity": 10},
        response=ChangedFeedVariant,
        also={202: Late},
        problems={**road.ROAD_PROBLEMS, 409: "the feed has this `externalId` already"},
    ),
    _COLLECTION.get(get_feed_variant, bound=True),
    _COLLECTION.update(
        update_feed_variant,
        bound=True,
        description="`If-Match` is compared before the change takes the road: what a vendor sends in between wins over "
        "neither, the changes merge by attribute. `variantId` connects by hand, null disconnects.",
        body=FeedVariantChanges,
        validated=False,
        example={"inventoryQuantityOverride": "manual", "manualInventoryQuantity": 3},
        response=ChangedFeedVariant,
        also={202: Late},
        problems={**road.ROAD_PROBLEMS, 409: "it was deleted meanwhile"},
    ),
    _COLLECTION.delete(
        delete_feed_variant,
        bound=True,
        also={202: Late},
        problems={**road.ROAD_PROBLEMS, 409: "its feed was deleted meanwhile"},
    ),
)
