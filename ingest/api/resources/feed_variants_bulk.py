"""Up to 50 feed variants changed or deleted at once: down the road like everything, one batch for each feed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, NotRequired

from pydantic import Field

from ingest.amqp.publish import Unavailable
from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.models import Query, Resource
from ingest.api.framework.operation import Operation
from ingest.api.shared import road
from ingest.api.shared.bulk import BulkReject, elements_of, reject, whole_id
from ingest.api.shared.feeds import FEEDS
from ingest.api.shared.goods import NewFeedVariant
from ingest.api.shared.stored import GOODS
from ingest.http.sent import validate_sent
from schemas import attributes as a
from schemas.batches import Batch
from schemas.batches import Operation as Asked
from schemas.items import MAX_ITEMS


class ListedChange(NewFeedVariant, total=False):
    """Changes of one feed variant: named by `id`, or by `inventoryFeedId` and `externalId` (made if there is none)."""

    inventoryFeedId: NotRequired[int]  # type: ignore[misc]  # noqa: N815
    externalId: NotRequired[a.ExternalId]  # type: ignore[misc]  # noqa: N815
    variantId: int | None  # noqa: N815
    id: int


class BulkBatch(Resource):
    """The batch of a feed."""

    batch_id: str
    inventory_feed_id: int
    indexes: list[int] = Field(description="the elements of the body that it holds")
    receipt_url: str


class BulkAccepted(Resource):
    """What waits in the queues now, and what was refused."""

    accepted: int
    rejected: list[BulkReject]
    batches: list[BulkBatch] = Field(description="one for each feed; its receipt tells what became of each")


@dataclass(slots=True)
class _OfFeed:
    """What the body has of one feed, in its order; `connections` are items of a CONNECT batch, by their index."""

    items: list[dict[str, Any]] = field(default_factory=list)
    indexes: list[int] = field(default_factory=list)
    connections: dict[int, dict[str, Any]] = field(default_factory=dict)


async def change_feed_variants(call: Call[Query, Any]) -> Answer:
    """Change up to 50."""
    return await _accepted(call, Asked.UPSERT)


async def delete_feed_variants(call: Call[Query, Any]) -> Answer:
    """Delete up to 50."""
    return await _accepted(call, Asked.DELETE)


async def _accepted(call: Call[Any, Any], asked: Asked) -> Answer:
    """Publish a batch for each feed, and one for its connections, and answer 202.

    Raises 422 when nothing is valid, 503 when the broker is away.
    """
    feeds, rejected = await _by_feed(call, only_keys=asked == Asked.DELETE)
    batches = []
    for feed_id, wanted in feeds.items():
        valid = validate_sent(wanted.items)
        refused = [{**told.as_json(), "index": wanted.indexes[told.index]} for told in valid.rejects]
        warned = [{**told, "index": wanted.indexes[told["index"]]} for told in valid.warnings]
        rejected += refused
        if valid.items:
            batch = await road.sender_batch(call, feed_id, valid.items, asked)
            batch.indexes = [wanted.indexes[position] for position in valid.indexes]
            batch.rejected, batch.warnings = refused, warned
            batches.append(batch)
            call.warnings += warned
        for told in refused:
            wanted.connections.pop(told["index"], None)
        if wanted.connections:
            batch = await road.sender_batch(call, feed_id, list(wanted.connections.values()), Asked.CONNECT)
            batch.indexes = list(wanted.connections)
            batches.append(batch)
    if not batches:
        raise call.problem(422, "invalid", "no element is valid, so nothing was accepted", {"rejected": rejected})
    return await _published(call, batches, sorted(rejected, key=lambda told: told["index"]))


async def _published(call: Call[Any, Any], batches: list[Batch], rejected: list[dict[str, Any]]) -> Answer:
    told: list[dict[str, Any]] = []
    for batch in batches:
        try:
            await call.services.publisher.publish(batch)
        except Unavailable as error:
            detail = (
                f"{error}; accepted are the batches in details. Send all of it again: what is the same changes nothing"
            )
            raise call.problem(503, f"queue.{error.reason}", detail, {"batches": told}, Retry_After="2") from None
        where = road.receipt_url(call, batch)
        ids = {"batchId": str(batch.batch_id), "inventoryFeedId": batch.feed_id}
        told.append({**ids, "indexes": batch.indexes, "receiptUrl": where})
    accepted = len({index for batch in batches for index in batch.indexes or ()})
    return Answer({"accepted": accepted, "rejected": rejected, "batches": told}, status=202)


async def _by_feed(call: Call[Any, Any], *, only_keys: bool) -> tuple[dict[int, _OfFeed], list[dict[str, Any]]]:
    """Return the elements, each with its externalId, by the feed that they are of; and what names nothing."""
    elements = [dict(one) if isinstance(one, dict) else {"id": one} for one in elements_of(call)]
    if only_keys:
        elements = [{name: value for name, value in one.items() if name in _NAMES} for one in elements]
    ids = [number for one in elements if (number := whole_id(one.get("id"))) is not None]
    rows = {row["id"]: row for row in await call.db.all(GOODS.feed_variant_keys, ids=ids)}
    feeds = [number for one in elements if (number := whole_id(one.get("inventoryFeedId"))) is not None]
    known = {row["id"] for row in await call.db.all(FEEDS.feeds_known, ids=feeds)}
    variants = set() if only_keys else await _variants(call, elements)
    found: dict[int, _OfFeed] = defaultdict(_OfFeed)
    rejected = []
    for index, element in enumerate(elements):
        key = _key(element, rows, known)
        if key is None or not call.caller.sees(key["feed_id"]):
            where = "id" if "id" in element or "inventoryFeedId" not in element else "inventoryFeedId"
            rejected.append(reject(index, where, "unknown", _EXPECTED, element.get(where)))
            continue
        wrong = _wrong(element, key, variants)
        if wrong is not None:
            name, code, message = wrong
            rejected.append(reject(index, name, code, message, element[name]))
            continue
        _put(found[key["feed_id"]], index, element, key["external_id"])
    return found, rejected


def _put(of_feed: _OfFeed, index: int, element: Mapping[str, Any], external_id: Any) -> None:
    """Add an element to what the body has of its feed: an item, a connection by hand, or both."""
    changes = {name: value for name, value in element.items() if name not in ("id", "inventoryFeedId", "variantId")}
    connects = "variantId" in element
    if connects:
        of_feed.connections[index] = {"externalId": external_id, "variantId": element["variantId"]}
    if not connects or "id" not in element or changes.keys() - {"externalId"}:
        of_feed.items.append({**changes, "externalId": external_id})
        of_feed.indexes.append(index)


async def _variants(call: Call[Any, Any], elements: list[dict[str, Any]]) -> set[int | None] | None:
    """Return what may be connected to, None among it; None to a token of feeds, which knows no variants."""
    if call.caller.feeds is not None:
        return None
    ids = {number for one in elements if (number := whole_id(one.get("variantId"))) is not None}
    return {None, *(row["id"] for row in await call.db.all(GOODS.variants_known, ids=list(ids)))}


_NAMES = ("id", "inventoryFeedId", "externalId")
_EXPECTED = "expected the id of a feed variant, or inventoryFeedId and externalId"


def _key(element: Mapping[str, Any], rows: Mapping[int, Any], feeds: Container[int]) -> Any:
    """Return `feed_id` and `external_id` of what an element names, or None."""
    if "id" in element:
        number = whole_id(element["id"])
        return None if number is None else rows.get(number)
    feed_id = whole_id(element.get("inventoryFeedId"))
    return {"feed_id": feed_id, "external_id": element.get("externalId")} if feed_id in feeds else None


def _wrong(element: Mapping[str, Any], key: Any, variants: Container[Any] | None) -> tuple[str, str, str] | None:
    """Return attribute, code and message of what an element cannot have."""
    if str(element.get("externalId", key["external_id"])) != str(key["external_id"]):
        return "externalId", "not_applicable", "it is the key of the feed variant, and cannot be changed"
    if "variantId" in element and variants is None:
        return "variantId", "not_applicable", "a token that is bound to feeds knows no variants"
    variant_id = element.get("variantId")
    if variant_id is not None and (whole_id(variant_id) is None or variant_id not in (variants or ())):
        return "variantId", "value", "expected the id of a variant, or null"
    return None


_PATH = "/api/inventory-feed-variants.json"
_ABOUT = (
    "One batch for each feed, in the order of the body, and after it one for connections by hand (`variantId`); its "
    " receipt tells what became of each. With an "
    "`Idempotency-Key` the same body is applied once."
)
_PROBLEMS = {503: "the broker did not take it, or not all: `details` has what it took"}
Listed = Annotated[list[ListedChange], Field(min_length=1, max_length=MAX_ITEMS)]
Named = Annotated[list[int | ListedChange], Field(min_length=1, max_length=MAX_ITEMS)]

OPERATIONS = (
    Operation(
        name="inventory_feed_variants.update_many",
        method="PUT",
        path=_PATH,
        summary=f"Change up to {MAX_ITEMS} feed variants",
        description=_ABOUT,
        scope=Scope.WRITE,
        bound=True,
        body=Listed,
        validated=False,
        example=[{"id": 1, "inventoryQuantity": 3}, {"inventoryFeedId": 1, "externalId": "1234", "retailPrice": 12.5}],
        response=BulkAccepted,
        status=202,
        problems=_PROBLEMS,
        handler=change_feed_variants,
    ),
    Operation(
        name="inventory_feed_variants.delete_many",
        method="DELETE",
        path=_PATH,
        summary=f"Delete up to {MAX_ITEMS} feed variants",
        description=f"By their ids, or by `inventoryFeedId` and `externalId`. {_ABOUT}",
        scope=Scope.WRITE,
        bound=True,
        body=Named,
        validated=False,
        example=[1, 2, {"inventoryFeedId": 1, "externalId": "1234"}],
        response=BulkAccepted,
        status=202,
        problems=_PROBLEMS,
        handler=delete_feed_variants,
    ),
)
