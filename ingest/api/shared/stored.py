"""Feed variants as they are stored, and the upsert of one: down the road, and back with what was stored."""

from __future__ import annotations

from typing import Any

from ingest.api.framework.call import Answer, Call
from ingest.api.shared import road
from ingest.api.shared.goods import ChangedFeedVariant, FeedVariant
from schemas import queries
from schemas.batches import Batch

GOODS = queries.load("goods", beside=__file__)
_PLACES = ("after_feed", "after_external_id", "until_feed", "until_external_id", "feeds", "feed_id", "provider_id")
_VALUES = ("external_id", "vendor_sku", "barcode", "connected", "variant_id", "updated_since", "name_prefix")
ANY: dict[str, Any] = dict.fromkeys((*_PLACES, *_VALUES))
"""The filters of `feed_variant_list`, none of them set."""


async def by_key(call: Call[Any, Any], feed_id: int, external_id: str) -> Any:
    """Return the row of a feed variant (`FeedVariant.of_row`), or None."""
    key = {"feed_id": feed_id, "external_id": external_id}
    rows = await call.db.all(GOODS.feed_variant_list, **{**ANY, **key, "limit": 1})
    return rows[0] if rows else None


async def by_id(call: Call[Any, Any], feed_variant_id: int) -> Any:
    """Return the row of a feed variant; raises 404."""
    key = await call.db.one(GOODS.feed_variant_key, id=feed_variant_id)
    row = key and call.caller.sees(key["feed_id"]) and await by_key(call, key["feed_id"], key["external_id"])
    if not row:
        raise call.not_found("feed variant")
    return row


async def upsert(call: Call[Any, Any], batch: Batch, status: int | None = None) -> Answer:
    """Send a batch of one down the road; return the stored resource with its outcome, or 202 if the reply is late."""
    reply = await road.ask(call, batch)
    if reply is None:
        return road.late(call, batch)
    call.warnings += reply.get("warnings", [])
    row = await by_key(call, batch.feed_id, batch.items[0]["externalId"])
    if row is None:
        raise call.problem(409, "deleted", "the feed variant was deleted meanwhile")
    return Answer(changed(row, reply["outcome"]), status=status)


def changed(row: Any, outcome: str) -> ChangedFeedVariant:
    """Return the answer of a change: the row as it is now, with its outcome."""
    return ChangedFeedVariant.of({**dict(FeedVariant.of_row(row)), "outcome": outcome})
