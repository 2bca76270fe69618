"""A dead letter replayed with its item edited: checked like a post, sent as a copy, told in its receipt."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from ingest.amqp.publish import Unavailable
from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.models import Body, Query, Resource
from ingest.api.framework.operation import Operation
from ingest.api.shared.outcomes import Values
from ingest.api.shared.road import away, one_item, receipt_url
from schemas import dead_letters
from schemas.batches import Batch
from schemas.batches import Operation as Kind
from schemas.dead_letters import DeadLetter, Filter
from schemas.errors import Permanent


class Edit(Body):
    """The whole item as it is to be sent."""

    item: dict[str, Any] = Field(description="with the `externalId` that it had; what it leaves out is not sent")


class EditedReplay(Resource):
    """What was sent."""

    dead_letter_id: int
    external_id: str
    batch_id: uuid.UUID
    receipt_url: str
    changes: dict[str, Values] = Field(description="attribute → as it died, and as it was sent")


async def replay_edited(call: Call[Query, Edit]) -> Answer:
    """Send a dead letter's item down the road again, as edited and as received now."""
    services, now = call.services, datetime.now(UTC)
    async with call.db.connected() as connection:
        batch = _batch(call, await dead_letters.find(connection, Filter(call.account_id, ids=[call.id])), now)
        checked = one_item(call, call.body.item)
        (before,), (item,) = batch.items, checked.items
        for warning in checked.warnings:  # who types an item means what it says
            raise call.invalid("item", warning["code"], f"{warning['field']}: {warning['message']}")
        if item["externalId"] != before["externalId"]:
            raise call.invalid("item", "value", f"it must stay the item {before['externalId']}")
        sent = dead_letters.edited(batch, item, services.settings.key)
        try:
            if not await dead_letters.send(connection, call.id, [sent], services.publisher.publish, now):
                raise call.problem(409, "settled", "somebody else replays or discards it, or did")
        except Unavailable as error:
            raise away(call, error) from None
    changes = {
        name: Values(old=before.get(name), new=item.get(name))
        for name in {**before, **item}
        if before.get(name) != item.get(name)
    }
    return Answer(
        EditedReplay(
            dead_letter_id=call.id,
            external_id=item["externalId"],
            batch_id=sent.batch_id,
            receipt_url=receipt_url(call, sent),
            changes=changes,
        )
    )


def _batch(call: Call[Any, Any], letters: list[DeadLetter], now: datetime) -> Batch:
    """Return what a replay would send; raises 404 and 409 where there is no single item to edit."""
    if not letters:
        raise call.not_found("dead letter")
    if letters[0].status != "dead":
        raise call.problem(409, "settled", f"it is {letters[0].status} already")
    try:
        batches = dead_letters.fresh(letters[0], now, call.services.settings.key)
    except Permanent:
        batches = []
    if len(batches) != 1 or batches[0].operation is not Kind.UPSERT:
        raise call.problem(409, "unreadable", "the message does not hold the values of one item")
    return batches[0]


OPERATIONS = (
    Operation(
        name="edited_replays.create",
        method="POST",
        path="/api/dead-letters/{id}/edited-replays.json",
        summary="Replay a dead letter with its item edited",
        description="The item is checked like a post, and sent as received now; the dead letter keeps what it held. "
        "The receipt, and the item's history, tell which attributes were edited.",
        scope=Scope.WRITE,
        body=Edit,
        example={"item": {"externalId": "A-1", "inventoryQuantity": 5}},
        response=EditedReplay,
        problems={
            409: "it was replayed or discarded already, or holds no single item",
            503: "the broker did not take it",
        },
        handler=replay_edited,
    ),
)
