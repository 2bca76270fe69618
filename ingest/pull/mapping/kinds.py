"""What each item attribute takes, read from the item's own types, so that limits are written down once.

A column of values is checked at once and at C speed where every value is plainly right; whatever is not is left to
`schemas.items.validate`, which decides and words the reject. The two never disagree (a property test sees to that).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError

from schemas.items import ATTRIBUTES, Item

KindName = Literal["text", "whole", "decimal", "choice", "list", "json"]
KIND_NAMES = frozenset(get_args(KindName))


@dataclass(frozen=True, slots=True)
class Kind:
    """The kind of an attribute; lengths are of texts; `adapter` validates one value of a list or JSON attribute."""

    name: KindName
    min_length: int
    max_length: int
    choices: frozenset[str]
    non_negative: bool
    adapter: TypeAdapter[Any] | None


@cache
def kinds() -> dict[str, Kind]:
    """Return the kind of every item attribute."""
    properties = TypeAdapter(Item).json_schema()["properties"]
    types = get_type_hints(Item, include_extras=True)
    found = {}
    for name in ATTRIBUTES:
        described = next(
            (part for part in properties[name].get("anyOf", ()) if part.get("type") != "null"), properties[name]
        )
        kind = _name(described)
        found[name] = Kind(
            kind,
            described.get("minLength", 0),
            described.get("maxLength", 0),
            frozenset(described.get("enum", ())),
            kind == "decimal" and not _takes(types[name], "-1"),
            TypeAdapter(types[name]) if kind in ("list", "json") else None,
        )
    return found


def _takes(type_: Any, value: Any) -> bool:
    try:
        TypeAdapter(type_).validate_python(value)
    except ValidationError:
        return False
    return True


def _name(described: dict[str, Any]) -> KindName:
    if "enum" in described:
        return "choice"
    match described.get("type"):
        case "string":
            return "text"
        case "integer":
            return "whole"
        case "array":
            return "list"
        case list():
            return "decimal"
    return "json"
