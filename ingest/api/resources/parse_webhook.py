"""One item, synchronously, or up to 50, asynchronously: the webhook's work with a bearer token."""

from __future__ import annotations

from typing import Any

from ingest.amqp.publish import Unavailable
from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.models import Query, Resource
from ingest.api.framework.operation import Operation
from ingest.api.shared import road
from ingest.api.shared.feeds import FEEDS
from ingest.api.shared.goods import ChangedFeedVariant, Late
from ingest.api.shared.stored import upsert
from ingest.feeds.settings import FeedSettings
from ingest.http.sent import validate_sent
from schemas.items import MAX_ITEMS, BadAttributes, Item


class Accepted(Resource):
    """A batch that waits in the queue; its receipt tells what becomes of each item."""

    batch_id: str
    accepted: int
    rejected: list[dict[str, Any]]
    receipt_url: str


async def parse_webhook(call: Call[Query, Any]) -> Answer:
    """Take one item or an array of them."""
    feed = call.found(await call.db.one(FEEDS.feed_get, id=call.id), "inventory feed")
    if not feed["enabled"]:
        raise call.problem(403, "disabled", "the feed is disabled: enable it first")
    if feed["resource_type"] != "webhook":
        raise call.problem(
            403,
            "not_a_webhook",
            f"the feed is pulled (resourceType {feed['resource_type']}): its file alone says what it has",
        )
    policy = FeedSettings.model_validate(feed["settings"]).bad_attributes
    if isinstance(call.body, list):
        return await _many(call, policy)
    (item,) = road.one_item(call, call.body, policy).items
    return await upsert(call, await road.sender_batch(call, call.id, [item]))


async def _many(call: Call[Query, list[Any]], policy: BadAttributes) -> Answer:
    if not 1 <= len(call.body) <= MAX_ITEMS:
        status = 413 if call.body else 422
        raise call.problem(status, "count", f"expected 1 to {MAX_ITEMS} items, got {len(call.body)}")
    valid = validate_sent(call.body, policy)
    rejected = [reject.as_json() for reject in valid.rejects]
    if not valid.items:
        raise call.problem(422, "invalid", "no item is valid, so nothing was accepted", {"rejected": rejected})
    batch = await road.sender_batch(call, call.id, valid.items)
    batch.indexes, batch.rejected, batch.warnings = valid.indexes, rejected, valid.warnings
    try:
        await call.services.publisher.publish(batch)
    except Unavailable as error:
        raise road.away(call, error) from None
    where = road.receipt_url(call, batch)
    answer = {
        "batchId": str(batch.batch_id),
        "accepted": len(valid.items),
        "rejected": rejected,
        "receiptUrl": where,
    }
    call.warnings += valid.warnings
    return Answer(answer, status=202, headers={"Location": where})


OPERATIONS = (
    Operation(
        name="inventory_feeds.parse_webhook",
        method="PUT",
        path="/api/inventory-feeds/{id}/parse-webhook.json",
        summary="Send one item and see it stored, or up to 50 for later",
        description="One object: stored when answered, with its `outcome`. An array: 202, and the receipt tells the "
        "rest. For throughput send to the webhook, `/webhooks/inventory-feeds/parse-webhooks.json`.",
        scope=Scope.WRITE,
        bound=True,
        body=Item | list[Item],
        validated=False,
        example={"externalId": "1234", "vendorSku": "1234", "inventoryQuantity": 10},
        response=ChangedFeedVariant,
        also={202: Accepted | Late},
        problems={
            **road.ROAD_PROBLEMS,
            403: "the feed is disabled, or pulled from a file",
            409: "it was deleted meanwhile",
        },
        handler=parse_webhook,
    ),
)
