"""Feed variants: the vendors' items as stored. Reading is SQL; every change takes the one road."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, NamedTuple, NotRequired, Required

from pydantic import AwareDatetime, BeforeValidator, Field

from ingest.api import road
from ingest.api.call import Answer, Call
from ingest.api.models import INT64_MAX, MAX_PAGE, Query, Resource, Stored
from ingest.api.operation import Operation, Scope
from schemas import attributes as a
from schemas import queries
from schemas.batches import Operation as Asked
from schemas.items import ATTRIBUTES, NULL_MEANS, Item
from schemas.outcomes import Outcome

GOODS = queries.load("goods")
FEEDS = queries.load("feeds")


class Cursor(NamedTuple):
    """Where a page ended: the last row's key."""

    feed_id: int
    external_id: str


def _cursor(text: Any) -> Any:
    feed_id, _, external_id = str(text).partition("_")
    if not feed_id.isascii() or not feed_id.isdigit() or not external_id or int(feed_id) > INT64_MAX:
        raise ValueError("expected a cursor as given by the Link header")
    if "\0" in external_id:
        raise ValueError("U+0000 cannot be stored")
    return Cursor(int(feed_id), external_id)


class FeedVariantQuery(Query):
    """Filters of the list."""

    limit: int = Field(50, ge=1, le=MAX_PAGE, description="feed variants of one page")
    after: Annotated[Cursor, BeforeValidator(_cursor, json_schema_input_type=str)] | None = Field(
        None, description="continue after this one; as given by the `Link` header"
    )
    inventory_feed_id: int | None = Field(None, ge=1, le=INT64_MAX, description="of this feed")
    dropship_provider_id: int | None = Field(None, ge=1, le=INT64_MAX, description="of this provider's feeds")
    external_id: a.ExternalId | None = Field(None, description="with this `externalId`")
    vendor_sku: a.ShortText | None = Field(None, description="with this `vendorSku`")
    variant_id: int | None = Field(None, ge=1, le=INT64_MAX, description="connected to this variant")
    connected: bool | None = Field(None, description="connected to a variant, or not")
    updated_since: AwareDatetime | None = Field(None, description="changed at this time or later")


class FeedVariant(Stored):
    """A vendor's item as stored."""

    inventory_feed_id: int = Field(description="read-only")
    variant_id: int | None = Field(description="the connected variant; set by PUT to connect or disconnect by hand")
    external_id: str
    vendor_sku: str | None
    barcode: str | None
    name: str | None
    description: str | None
    mpn: str | None
    handle: str | None
    external_group_id: str | None
    external_url: str | None
    product_type: str | None
    vendor_name: str | None
    country_of_origin: str | None
    hs_code: str | None
    cost_price: float | None
    retail_price: float | None
    compare_at_price: float | None
    grams: float
    inventory_quantity: int | None
    manual_inventory_quantity: int | None
    allocation_buffer_override: int | None
    inventory_policy: a.InventoryPolicy
    inventory_quantity_override: a.QuantityOverride
    available_quantity: int | None = Field(description="read-only: what may be sold; null while it is not known")
    images: list[Any]
    options: list[Any]
    tags: list[Any]
    meta_fields: list[Any] | dict[str, Any] | None
    locations: list[Any] | dict[str, Any] | None
    inventory_updated_at: datetime | None = Field(description="read-only: when `inventoryQuantity` last changed")
    last_fetched_at: datetime | None = Field(description="read-only: the last complete run of a pulled feed")

    @classmethod
    def of_row(cls, row: Any) -> FeedVariant:
        """Return the resource of a row of `feed_variants` with its details."""
        details = {name: NULL_MEANS.get(name) for name in ATTRIBUTES} | (row["attributes"] or {})
        attributes = {_snake(name): value for name, value in details.items()}
        known = {name: value for name, value in dict(row).items() if name != "attributes"}
        return cls.of(
            attributes
            | known
            | {
                "inventory_feed_id": row["feed_id"],
                "cost_price": row["cost"],
                "retail_price": row["retail"],
                "compare_at_price": row["compare_at"],
                "grams": float(attributes["grams"]),
            }
        )


class Changed(FeedVariant):
    """A feed variant after a change."""

    outcome: Outcome = Field(description="what became of the item: created, updated or unchanged")


class Late(Resource):
    """A change that is on its way: its receipt tells what becomes of it."""

    batch_id: str
    receipt_url: str


class NewFeedVariant(Item, total=False):
    """A new feed variant."""

    inventoryFeedId: Required[int]  # noqa: N815


class FeedVariantChanges(Item, total=False):
    """Changes of a feed variant: what is omitted stays, null clears."""

    externalId: NotRequired[a.ExternalId]  # type: ignore[misc]  # noqa: N815
    variantId: int | None  # noqa: N815


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


async def list_feed_variants(call: Call[FeedVariantQuery, None]) -> Answer:
    """Return a page."""
    query = call.query
    rows = await call.db.all(
        GOODS.feed_variant_list,
        after_feed=query.after and query.after.feed_id,
        after_external_id=query.after and query.after.external_id,
        feed_id=query.inventory_feed_id,
        provider_id=query.dropship_provider_id,
        external_id=query.external_id,
        vendor_sku=query.vendor_sku,
        variant_id=query.variant_id,
        connected=query.connected,
        updated_since=query.updated_since,
        limit=query.limit + 1,
    )
    return call.page(rows, [FeedVariant.of_row(row) for row in rows], cursor="cursor")


async def get_feed_variant(call: Call[Query, None]) -> Answer:
    """Return one."""
    return Answer(FeedVariant.of_row(await stored(call, call.id)))


async def create_feed_variant(call: Call[Query, dict[str, Any]]) -> Answer:
    """Make one in a feed that has none with this externalId."""
    element = dict(call.body)
    feed_id = element.pop("inventoryFeedId", None)
    if not isinstance(feed_id, int) or isinstance(feed_id, bool) or not 1 <= feed_id <= INT64_MAX:
        raise call.invalid("inventoryFeedId", "required" if feed_id is None else "type", "expected the id of a feed")
    (item,) = road.one_item(call, element).items
    if await call.db.one(FEEDS.feed_get, id=feed_id) is None:
        raise call.invalid("inventoryFeedId", "value", "the account has no feed with this id")
    known = await call.db.one(GOODS.feed_variant_by_key, feed_id=feed_id, external_id=item["externalId"])
    if known is not None:
        raise call.problem(409, "exists", f"the feed has this externalId: change feed variant {known}", {"id": known})
    return await upsert(call, feed_id, item, status=201)


async def update_feed_variant(call: Call[Query, dict[str, Any]]) -> Answer:
    """Change one, connect or disconnect it."""
    row = await stored(call, call.id)
    call.check_match(row["updated_at"])
    element = dict(call.body)
    if element.setdefault("externalId", row["external_id"]) != row["external_id"]:
        raise call.invalid("externalId", "value", "it is the key of the feed variant, and cannot be changed")
    by_hand = element.pop("variantId", _OMITTED)
    (item,) = road.one_item(call, element).items
    if by_hand is not _OMITTED:
        late = await _connect_by_hand(call, row, by_hand)
        if late is not None and len(item) == 1:
            return late
        if len(item) == 1:
            return Answer(_changed(await stored(call, call.id), Outcome.UPDATED))
    return await upsert(call, row["feed_id"], item)


async def delete_feed_variant(call: Call[Query, None]) -> Answer:
    """Delete one; if its vendor sends it again it is made anew."""
    row = await stored(call, call.id)
    call.check_match(row["updated_at"])
    batch = road.batch_of(call, row["feed_id"], [{"externalId": row["external_id"]}], Asked.DELETE)
    reply = await road.ask(call, batch)
    return road.late(call, batch) if reply is None else Answer()


async def upsert(call: Call[Any, Any], feed_id: int, item: dict[str, Any], status: int | None = None) -> Answer:
    """Send one item down the road and return the stored resource with its outcome, or 202 if the reply is late."""
    batch = road.batch_of(call, feed_id, [item])
    reply = await road.ask(call, batch)
    if reply is None:
        return road.late(call, batch)
    call.warnings += reply.get("warnings", [])
    found = await call.db.one(GOODS.feed_variant_by_key, feed_id=feed_id, external_id=item["externalId"])
    if found is None:
        raise call.problem(409, "deleted", "the feed variant was deleted meanwhile")
    return Answer(_changed(await stored(call, found), reply["outcome"]), status=status)


async def stored(call: Call[Any, Any], feed_variant_id: int) -> Any:
    """Return the row of a feed variant; raises 404."""
    row = await call.db.one(GOODS.feed_variant_get, id=feed_variant_id)
    if row is None:
        raise call.not_found("feed variant")
    return row


_OMITTED = object()


async def _connect_by_hand(call: Call[Any, Any], row: Any, variant_id: Any) -> Answer | None:
    """Connect to a variant, or disconnect (None); returns the 202 if the reply is late."""
    if variant_id is not None:
        known = isinstance(variant_id, int) and not isinstance(variant_id, bool) and 1 <= variant_id <= INT64_MAX
        if not known or not await call.db.all(GOODS.variants_of, ids=[variant_id]):
            raise call.invalid("variantId", "value" if known else "type", "expected the id of a variant, or null")
    item = {"externalId": row["external_id"], "variantId": variant_id}
    batch = road.batch_of(call, row["feed_id"], [item], Asked.CONNECT)
    return road.late(call, batch) if await road.ask(call, batch) is None else None


def _changed(row: Any, outcome: str) -> Changed:
    return Changed.of({**dict(FeedVariant.of_row(row)), "outcome": outcome})


_LIST, _ONE = "/api/inventory-feed-variants.json", "/api/inventory-feed-variants/{id}.json"

OPERATIONS = (
    Operation(
        name="inventory_feed_variants.list",
        method="GET",
        path=_LIST,
        summary="List feed variants",
        description="In the order of feed and `externalId`; every page takes the same time.",
        scope=Scope.READ,
        query=FeedVariantQuery,
        response=list[FeedVariant],
        handler=list_feed_variants,
    ),
    Operation(
        name="inventory_feed_variants.create",
        method="POST",
        path=_LIST,
        summary="Create a feed variant",
        scope=Scope.WRITE,
        body=NewFeedVariant,
        validated=False,
        example={"inventoryFeedId": 1, "externalId": "1234", "vendorSku": "1234", "inventoryQuantity": 10},
        response=Changed,
        status=201,
        also={202: Late},
        etag=True,
        problems={**road.ROAD_PROBLEMS, 409: "the feed has this `externalId` already"},
        handler=create_feed_variant,
    ),
    Operation(
        name="inventory_feed_variants.get",
        method="GET",
        path=_ONE,
        summary="Get a feed variant",
        scope=Scope.READ,
        response=FeedVariant,
        etag=True,
        handler=get_feed_variant,
    ),
    Operation(
        name="inventory_feed_variants.update",
        method="PUT",
        path=_ONE,
        summary="Change a feed variant",
        description="`If-Match` is compared before the change takes the road: what a vendor sends in between wins over "
        "neither, the changes merge by attribute. `variantId` connects by hand, null disconnects.",
        scope=Scope.WRITE,
        body=FeedVariantChanges,
        validated=False,
        example={"inventoryQuantityOverride": "manual", "manualInventoryQuantity": 3},
        response=Changed,
        also={202: Late},
        etag=True,
        problems={**road.ROAD_PROBLEMS, 409: "it was deleted meanwhile"},
        handler=update_feed_variant,
    ),
    Operation(
        name="inventory_feed_variants.delete",
        method="DELETE",
        path=_ONE,
        summary="Delete a feed variant",
        scope=Scope.WRITE,
        status=204,
        also={202: Late},
        etag=True,
        problems={**road.ROAD_PROBLEMS, 409: "its feed was deleted meanwhile"},
        handler=delete_feed_variant,
    ),
)
