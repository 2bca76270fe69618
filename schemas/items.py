"""The item: one element of a post or one record of a file, validated so that nothing valid can fail in Postgres.

An omitted attribute keeps the stored value, an explicit null clears it, so an item is a dict that holds just what was
sent. `validate` returns canonical items: integers as int, decimals as canonical text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, Required, cast, get_args, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from schemas import attributes as a
from schemas.columns import Column, canonical
from schemas.keys import clean_key
from schemas.numbers import NumberError, plain_number
from schemas.outcomes import Reject

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

_ITEM = TypeAdapter(Item)
_MAX_SHOWN = 200
_MAX_WARNED = 25
"""Warnings of one item: a body of nothing but unknown attributes would be answered with twenty times its size."""


@dataclass(slots=True)
class Validated:
    """The result of `validate`: canonical items with their positions, and what was wrong with the others.

    `indexes[k]` is the position in the post of `items[k]`.
    """

    items: list[dict[str, Any]]
    indexes: list[int]
    rejects: list[Reject] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[Reject] = field(default_factory=list)


def validate(raw: Sequence[Any], bad_attributes: BadAttributes = "rejectItem") -> Validated:
    """Validate decoded items, all of them, whatever is wrong with some.

    Every wrong field of a wrong item is one `Reject`; a wrong item never stops another one. Unknown attributes
    are left out and reported as warnings `{"index", "externalId", "field", "code", "message"}`.

    `bad_attributes` is the policy of the items' feed, its setting `badAttributes`; the caller hands it in (the edge
    from its snapshot of the feed). With `skipAttribute` a wrong attribute that is not `DECISIVE` is left out of its
    item, so that the stored value stays: its reason is in `skipped`, and in `warnings` with the `value`, for the answer
    and the receipt. An item of which nothing but the key would be left is rejected all the same.
    """
    items: list[Any] | None = canonical(raw, COLUMNS, KEY)
    if items is not None and sum(map(len, items)) == sum(map(len, raw)):
        return Validated(items, list(range(len(items))))
    result = _validate_each(raw, bad_attributes) if items is None else Validated(items, list(range(len(items))))
    for index, item in zip(result.indexes, result.items, strict=True):
        if len(item) != len(raw[index]):
            result.warnings.extend(_unknown(index, raw[index], item))
    return result


def _validate_each(raw: Sequence[Any], bad_attributes: BadAttributes = "rejectItem") -> Validated:
    result = Validated([], [])
    for index, element in enumerate(raw):
        try:
            item: Any = _ITEM.validate_python(element)
        except ValidationError as error:
            rejects = rejects_of(error, index, element)
            item = _without(element, rejects) if bad_attributes == "skipAttribute" else None
            if item is None:
                result.rejects.extend(rejects)
                continue
            result.skipped.extend(rejects)
            result.warnings.extend(skip_warning(reject, index) for reject in rejects)
        result.items.append(item)
        result.indexes.append(index)
    return result


def _without(element: Any, rejects: list[Reject]) -> Any:
    """Return the item without its wrong attributes; None when one is decisive, or nothing but the key is left."""
    wrong = {reject.field for reject in rejects}
    if not isinstance(element, dict) or wrong & DECISIVE or not wrong <= element.keys():
        return None
    item = _ITEM.validate_python({name: value for name, value in element.items() if name not in wrong})
    return item if len(item) > 1 else None


class Told(Protocol):
    """A reject of a post or of a file."""

    @property
    def message(self) -> str:
        """Return what was wrong."""

    def as_json(self) -> dict[str, Any]:
        """Return the reject as an object."""


def skip_warning(reject: Told, index: int) -> dict[str, Any]:
    """Return the warning that tells of an attribute that was left out; `index` is the item's position or row."""
    names = ("externalId", "field", "code", "value")
    told = reject.as_json()
    return {
        "index": index,
        **{name: told[name] for name in names},
        "message": f"{reject.message}; left out, the stored value stays",
    }


def rejects_of(error: ValidationError, index: int, element: Any) -> list[Reject]:
    """Return one `Reject` a wrong field, in the words of the field's own expectation."""
    if not isinstance(element, dict):
        return [Reject(index, None, None, "item.type", f"expected an object, got {_kind(element)}", shown(element))]
    external_id = element.get("externalId")
    known_id = shown(external_id) if isinstance(external_id, str | int) else None
    rejects: dict[str, Reject] = {}
    for detail in error.errors(include_url=False, include_context=False):
        name = str(detail["loc"][0]) if detail["loc"] else "item"
        if name in rejects:
            continue
        if detail["type"] == "missing":
            code, message, value = "required", f"{name} is required", None
        else:
            code = _CODES.get(detail["type"], "value")
            value = shown(element.get(name))
            message = f"expected {EXPECTED.get(name, 'a valid value')}, got {_kind(element.get(name))}"
            why = _why_no_number(name, element.get(name))
            if why is None and detail["type"] == "value_error":
                why = str(detail["msg"]).removeprefix("Value error, ")
            message += f" ({why})" if why else ""
        rejects[name] = Reject(index, None if known_id is None else str(known_id), name, code, message, value)
    return list(rejects.values())


def _why_no_number(name: str, value: Any) -> str | None:
    """Return what a text seems to be in the place of a number, in the words that files are told it by."""
    if "number" not in EXPECTED.get(name, "") or not isinstance(value, str):
        return None
    try:
        number = plain_number(text := clean_key(value), "decimal")
    except NumberError as error:
        return str(error)
    grouped = number is not None and number != text
    return "groups of digits: expected a bare number" if grouped else None


def _unknown(index: int, raw: dict[str, Any], item: dict[str, Any]) -> list[dict[str, Any]]:
    def warning(field: str, code: str, message: str) -> dict[str, Any]:
        return {"index": index, "externalId": item["externalId"], "field": field, "code": code, "message": message}

    names = [name for name in raw if name not in item and name not in COLUMNS]
    warnings = [
        warning(str(shown(name)), "read_only", f"{shown(name)} is read-only; ignored")
        if name in READ_ONLY
        else warning(str(shown(name)), "unknown", f"{shown(name)} is not a known attribute; ignored")
        for name in names[:_MAX_WARNED]
    ]
    if len(names) > _MAX_WARNED:
        more = len(names) - _MAX_WARNED
        warnings.append(warning("…", "unknown", f"{more} more attributes are not known; ignored"))
    return warnings


def shown(value: Any) -> Any:
    """Return a value as an error may quote it: scalars as they are, all cut to 200 characters."""
    if value is None or isinstance(value, bool | int | float):
        return value
    written = value if isinstance(value, str) else repr(value)
    return written if len(written) <= _MAX_SHOWN else written[: _MAX_SHOWN - 1] + "…"


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    names = {
        bool: "a boolean",
        int: "a number",
        float: "a number",
        str: "text",
        list: "an array",
        dict: "an object",
    }
    kind = names.get(type(value), type(value).__name__)
    return f'"{shown(value)}"' if isinstance(value, str) else f"{kind} {shown(value)!r}" if kind == "a number" else kind


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
    properties = _ITEM.json_schema()["properties"]
    found: dict[str, str] = {}
    for name in ATTRIBUTES:
        described = [properties[name], *properties[name].get("anyOf", ())]
        found[name] = next((part["description"] for part in described if "description" in part), "a valid value")
    return found


EXPECTED = _expectations()
"""Attribute → what its value must be, in words; from the types themselves."""

_CODES = {
    "string_type": "type",
    "int_type": "type",
    "bool_type": "type",
    "list_type": "type",
    "dict_type": "type",
    "string_too_long": "length",
    "string_too_short": "length",
    "too_long": "length",
    "string_pattern_mismatch": "characters",
    "greater_than_equal": "range",
    "less_than_equal": "range",
    "literal_error": "choice",
}
