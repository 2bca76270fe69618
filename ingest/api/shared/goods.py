"""The types of feed variants: what is asked for, sent and answered."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, Required

from pydantic import Field, ValidationInfo, WithJsonSchema, field_validator

from ingest.api.framework.cursors import cursor
from ingest.api.framework.models import INT64_MAX, MAX_PAGE, Query, Resource, Stored, When
from schemas import attributes as a
from schemas.items import ATTRIBUTES, NULL_MEANS, Item
from schemas.outcomes import Outcome


class Cursor(NamedTuple):
    """Where a page ended: the last row's key."""

    feed_id: int
    external_id: str


_CURSOR = re.compile(r"^([0-9]{1,18})_([^\x00]{0,255})$", re.ASCII)
_UNSIGNED = 2**64 - 1

BarcodeFilter = Annotated[
    a.Barcode, WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"[^0\s?-]"})
]
"""A barcode to look for: what says that there is none finds nothing, and is refused."""


class FeedVariantFilters(Query):
    """Which feed variants."""

    inventory_feed_id: int | None = Field(None, ge=1, le=INT64_MAX, description="of this feed")
    dropship_provider_id: int | None = Field(None, ge=1, le=INT64_MAX, description="of this provider's feeds")
    external_id: a.ExternalId | None = Field(None, description="with this `externalId`")
    vendor_sku: a.Sku | None = Field(None, description="with this `vendorSku`")
    barcode: BarcodeFilter | None = Field(None, description="with this `barcode`")
    variant_id: int | None = Field(None, ge=1, le=INT64_MAX, description="connected to this variant")
    connected: bool | None = Field(None, description="connected to a variant, or not")
    updated_since: When | None = Field(None, description="changed at this time or later")
    name_prefix: Annotated[a.ShortText, Field(min_length=1)] | None = Field(
        None, description="whose name begins so, in any case"
    )

    @property
    def is_slow(self) -> bool:
        """Return whether only filters are given that no index answers: one of `updated_at` would cost every change."""
        indexed = (self.external_id, self.vendor_sku, self.barcode, self.variant_id)
        others = (self.updated_since, self.connected, self.name_prefix)
        return indexed == (None, None, None, None) and others != (None, None, None)


class FeedVariantQuery(FeedVariantFilters):
    """Filters of the list, and its order."""

    limit: int = Field(50, ge=1, le=MAX_PAGE, description="feed variants of one page")
    sort: Literal["externalId", "-id"] = Field(
        "externalId", description="by feed and `externalId`; `-id`: newest first"
    )
    after: Annotated[Cursor, cursor(_CURSOR, lambda of: Cursor(int(of[1]), of[2]))] | None = Field(
        None, description="continue after this one; as given by the `Link` header"
    )

    @field_validator("after")
    @classmethod
    def _of_the_same_order(cls, value: Cursor | None, info: ValidationInfo) -> Cursor | None:
        if value is not None and bool(value.external_id) != (info.data.get("sort", "externalId") == "externalId"):
            raise ValueError("expected a cursor of a page of the same order")
        return value


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
    distance_unit: a.DistanceUnit
    manual_inventory_policy: bool | None
    hash: str = Field(description="read-only: changes when what was last sent of it does")
    changes_pending: bool = Field(description="read-only: a change of it waits for room in the daily SKU limit")
    cached_name: None = Field(None, description="read-only, for code written for Onport: nothing is cached here")
    cached_handle: None = Field(None, description="read-only, likewise")
    cached_retail_price: None = Field(None, description="read-only, likewise")
    cached_compare_at_price: None = Field(None, description="read-only, likewise")
    cached_tags: None = Field(None, description="read-only, likewise")
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
                "hash": f"{row['item_hash'] & _UNSIGNED:016x}",
            }
        )


class ChangedFeedVariant(FeedVariant):
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
