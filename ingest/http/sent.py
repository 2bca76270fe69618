"""Items as vendors' programs really send them, for the ways in that take JSON of others: the webhook and the API.

Strict about numbers and keys, kind about the rest. An integer as a key is taken as its digits; a float that no price
means (19.990000000000002) is rounded to the places that are kept; one thing alone, where a list
is expected, becomes a list.
What changes more than the spelling is told as a warning. All else is `schemas.validation.validate`'s to decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ingest.http.json_bodies import Repeated
from schemas.attributes import DECIMAL_PLACES
from schemas.columns import Each
from schemas.items import COLUMNS, BadAttributes
from schemas.outcomes import Reject, shown
from schemas.validation import Validated, validate

DIGITS_ARE_KEYS: Final = ("externalId", "vendorSku", "barcode", "externalGroupId", "mpn", "hsCode")
"""Text that identifies something, which programs keep as an integer."""
_DECIMALS: Final = tuple(name for name, column in COLUMNS.items() if isinstance(column, Each) and float in column.kinds)
_LISTS: Final = tuple(name for name, column in COLUMNS.items() if isinstance(column, Each) and column.kinds == {list})


def validate_sent(raw: Sequence[Any], bad_attributes: BadAttributes = "rejectItem") -> Validated:
    """Validate items of a post as `schemas.validation` does, each taken as it is meant, by their feed's policy."""
    meant: list[Any] = []
    warnings: list[dict[str, Any]] = []
    for index, element in enumerate(raw):
        taken, told = as_meant(element)
        meant.append(taken)
        warnings += [{"index": index, "externalId": taken.get("externalId"), **warning} for warning in told]
    valid = validate(meant, bad_attributes)
    valid.rejects = [_refused(reject, raw[reject.index]) for reject in valid.rejects]
    if warnings:
        going_on = set(valid.indexes)
        valid.warnings = [one for one in warnings if one["index"] in going_on] + valid.warnings
    return valid


def _refused(reject: Reject, element: Any) -> Reject:
    """Return the reject of an element in the words of what is really wrong with it."""
    if element.__class__ is not Repeated:
        return reject
    name, external_id = shown(element.name), element.external_id
    known = str(shown(external_id)) if isinstance(external_id, str | int) else None
    message = f"{name} stands twice in one object: nobody knows which value is meant"
    return Reject(reject.index, known, name, "repeated", message)


def as_meant(element: Any) -> tuple[Any, list[dict[str, Any]]]:
    """Return an element with plain misunderstandings of its types undone, and warnings `{"field", "code", "message"}`.

    The element itself stays as it is.
    """
    if element.__class__ is not dict:
        return element, []
    changed: dict[str, Any] = {}
    warnings: list[dict[str, Any]] = []
    for name in DIGITS_ARE_KEYS:
        if element.get(name).__class__ is int:
            changed[name] = str(element[name])
    for name in _DECIMALS:
        value = element.get(name)
        if value.__class__ is float and (rounded := round(value, DECIMAL_PLACES)) != value:
            changed[name] = rounded
    for name in _LISTS:
        value = element.get(name)
        if value.__class__ is str or value.__class__ is dict:
            changed[name], how = _listed(name, value)
            warnings.append({"field": name, "code": "taken", "message": f"expected an array: {how}"})
    return ({**element, **changed} if changed else element), warnings


def _listed(name: str, value: Any) -> tuple[list[Any], str]:
    if name == "tags" and value.__class__ is str:
        return [tag for part in value.split(",") if (tag := part.strip())], "the text was split at its commas"
    if value == "":
        return [], "the empty text was taken for an empty one"
    return [value], "it was taken for the only element of one"
