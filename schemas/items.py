"""The item: one element of a post or one record of a file, validated so that nothing valid can fail in Postgres.

An omitted attribute keeps the stored value, an explicit null clears it, so an item is a dict that holds just what was
sent.
"""

from __future__ import annotations

from typing import Any, Literal, Required, cast, get_args, get_type_hints

from pydantic import ConfigDict, TypeAdapter
from typing_extensions import TypedDict

from schemas import attributes as a
from schemas.columns import Column

KEY = "externalId"
"""The one attribute that an item may not lack."""
MAX_ITEMS = 50
"""Items in one post and in one batch."""
BadAttributes = Literal["skipAttribute", "rejectItem"]
"""A feed's setting: what a wrong price or descriptive attribute costs, itself alone or its item."""


class Item(TypedDict, total=False):
    """One vendor item (an inventory feed variant as its vendor describes it)."""

    __pydantic_config__ = ConfigDict(extra="ignore", title="Item")  # type: ignore[misc]

    externalId: Required[a.ExternalId]
    vendorSku: a.Sku | None
    barcode: a.Barcode | None
    inventoryQuantity: a.Int32 | None
    manualInventoryQuantity: a.Int32 | None
    allocationBufferOverride: a.Int32 | None
    inventoryPolicy: a.InventoryPolicy | None
    inventoryQuantityOverride: a.QuantityOverride | None
    costPrice: a.DecimalText | None
    retailPrice: a.DecimalText | None
    compareAtPrice: a.DecimalText | None
    name: a.ShortText | None
    description: a.LongText | None
    mpn: a.ShortText | None
    handle: a.ShortText | None
    externalGroupId: a.ShortText | None
    externalUrl: a.UrlText | None
    productType: a.ShortText | None
    vendorName: a.ShortText | None
    countryOfOrigin: a.ShortText | None
    hsCode: a.ShortText | None
    grams: a.NonNegativeDecimalText | None
    images: a.JsonList | None
    options: a.JsonList | None
    tags: a.JsonList | None
    metaFields: a.JsonValue | None
    locations: a.JsonValue | None
    distanceUnit: a.DistanceUnit | None
    manualInventoryPolicy: a.Flag | None


HOT_ATTRIBUTES = (
    "vendorSku",
    "barcode",
    "inventoryQuantity",
    "manualInventoryQuantity",
    "allocationBufferOverride",
    "inventoryPolicy",
    "inventoryQuantityOverride",
    "costPrice",
    "retailPrice",
    "compareAtPrice",
)
"""Attributes with a column of their own in the narrow table; all others are details, in a row that rarely changes."""

DECISIVE = frozenset(
    (
        KEY,
        "inventoryQuantity",
        "manualInventoryQuantity",
        "allocationBufferOverride",
        "inventoryPolicy",
        "inventoryQuantityOverride",
    )
)
"""What is sold, and how much of it: a wrong value of these always costs its item, whatever `badAttributes` says."""
ATTRIBUTES = tuple(Item.__annotations__)
DETAIL_ATTRIBUTES = tuple(name for name in ATTRIBUTES if name not in ("externalId", *HOT_ATTRIBUTES))
NULL_MEANS: dict[str, Any] = {
    "inventoryPolicy": "track",
    "inventoryQuantityOverride": "none",
    "grams": "0",
    "images": [],
    "options": [],
    "tags": [],
    "distanceUnit": "in",
}
"""What an explicit null, or an attribute never sent, reads as; null for every other attribute."""

READ_ONLY = frozenset(
    (
        *("id", "inventoryFeedId", "variantId", "createdAt", "updatedAt", "inventoryUpdatedAt", "lastFetchedAt"),
        *("availableQuantity", "hash", "changesPending"),
        *("cachedName", "cachedHandle", "cachedRetailPrice", "cachedCompareAtPrice", "cachedTags"),
    )
)
"""Attributes of the resource that a sender may echo back; they are ignored with a warning."""

ITEM = TypeAdapter(Item)


def _columns() -> dict[str, Column]:
    """Return the quick check of each attribute, out of its type."""
    return {name: _column(hint) for name, hint in get_type_hints(Item, include_extras=True).items()}


def _column(hint: Any) -> Column:
    """Return the outermost check in a type."""
    for part in (*reversed(getattr(hint, "__metadata__", ())), *get_args(hint)):
        if hasattr(part, "check"):
            return cast(Column, part)
        if get_args(part) or hasattr(part, "__metadata__"):
            return _column(part)
    raise TypeError(f"no quick check in {hint}")


COLUMNS = _columns()
"""Attribute → the quick check of its column."""


def _expectations() -> dict[str, str]:
    properties = ITEM.json_schema()["properties"]
    found: dict[str, str] = {}
    for name in ATTRIBUTES:
        described = [properties[name], *properties[name].get("anyOf", ())]
        found[name] = next((part["description"] for part in described if "description" in part), "a valid value")
    return found


EXPECTED = _expectations()
"""Attribute → what its value must be, in words; from the types themselves."""
