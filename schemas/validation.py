"""Whether items are right: `validate` returns canonical ones (integers as int, decimals as text), and what is wrong.

What a reject says is made of the types' own expectations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import ValidationError

from schemas.columns import Key, canonical
from schemas.items import COLUMNS, DECISIVE, EXPECTED, ITEM, KEY, READ_ONLY, BadAttributes
from schemas.keys import clean_key
from schemas.numbers import NumberError, plain_number
from schemas.outcomes import Reject, shown

_MAX_WARNED = 25
"""Warnings of one item: a body of nothing but unknown attributes would be answered with twenty times its size."""
_LONGEST_NAME = 60
"""Characters of a name that are worth looking at."""
_CODES = {
    "string_type": "type",
    "int_type": "type",
    "bool_type": "type",
    "list_type": "type",
    "dict_type": "type",
    "string_unicode": "characters",
    "string_too_long": "length",
    "string_too_short": "length",
    "too_long": "length",
    "string_pattern_mismatch": "characters",
    "greater_than_equal": "range",
    "less_than_equal": "range",
    "literal_error": "choice",
}


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
            item: Any = ITEM.validate_python(element)
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
    item = ITEM.validate_python({name: value for name, value in element.items() if name not in wrong})
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
            code, message, value = "required", f"{name} is required{_meant_by(element)}", None
        else:
            code = _CODES.get(detail["type"], "value")
            value = shown(element.get(name))
            message = f"expected {EXPECTED.get(name, 'a valid value')}, got {_kind(element.get(name))}"
            why = _why_no_key(name, element.get(name)) or _why_no_number(name, element.get(name))
            if why is None and detail["type"] == "value_error":
                why = str(detail["msg"]).removeprefix("Value error, ")
            message += f" ({why})" if why else ""
        rejects[name] = Reject(index, None if known_id is None else str(known_id), name, code, message, value)
    return list(rejects.values())


def _plain(name: str) -> str:
    """Return what is left of an attribute's name in every way of writing it: `external_id`, `External ID`."""
    return "".join(filter(str.isalnum, name[:_LONGEST_NAME].casefold()))


_KNOWN = {_plain(name): name for name in COLUMNS}


def _meant_by(element: dict[str, Any]) -> str:
    """Return a hint for an item without its key: an attribute that looks like it, or the items one level too deep."""
    for name, value in list(element.items())[:_MAX_WARNED]:
        if _plain(name) == _plain(KEY):
            return f" (there is {shown(name)}: write it {KEY})"
        if isinstance(value, list) and value and isinstance(value[0], dict) and KEY in value[0]:
            return f" (the items are in {shown(name)}: send that array itself)"
    return ""


def _why_no_key(name: str, value: Any) -> str | None:
    is_key = isinstance(COLUMNS.get(name), Key) and isinstance(value, float)
    return "a decimal number may have lost digits: send it as text" if is_key else None


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
        else warning(str(shown(name)), "unknown", f"{shown(name)} is not a known attribute; ignored{_nearest(name)}")
        for name in names[:_MAX_WARNED]
    ]
    if len(names) > _MAX_WARNED:
        more = len(names) - _MAX_WARNED
        warnings.append(warning("…", "unknown", f"{more} more attributes are not known; ignored"))
    return warnings


def _nearest(name: str) -> str:
    known = _KNOWN.get(_plain(name))
    return f" (did you mean {known}?)" if known else ""


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
