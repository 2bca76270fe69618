"""The types that attributes are made of: each validates, describes itself in OpenAPI and says what it expected.

They are pydantic types, so one definition serves the road, the resources and the OpenAPI document. The sentence
in `description` is what an error message quotes as expected.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, StrictInt, StringConstraints, WithJsonSchema

INT32_MAX = 2**31 - 1
DECIMAL_DIGITS, DECIMAL_PLACES = 15, 6
WHOLE_DIGITS = DECIMAL_DIGITS - DECIMAL_PLACES
"""A decimal has at most this many digits in all, and this many after the point: a float carries it exactly."""

_NO_NUL = r"^[^\x00]*$"
"""Postgres text cannot hold U+0000; JSON can."""
_WHOLE = re.compile(r"[+-]?\d{1,10}(\.0+)?", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(\d{1,15}(\.\d{1,15})?|\.\d{1,15})", re.ASCII)
MAX_JSON_DEPTH = 16


def _text(max_length: int, min_length: int = 0) -> Any:
    return Field(
        min_length=min_length,
        max_length=max_length,
        pattern=_NO_NUL,
        description=f"text of {min_length} to {max_length} characters, without U+0000",
    )


def _parse_whole(value: Any) -> Any:
    if value.__class__ is int:
        return value
    if value.__class__ is str and _WHOLE.fullmatch(stripped := value.strip()):
        return int(stripped.partition(".")[0])
    if value.__class__ is float and value.is_integer() and abs(value) <= 2**53:
        return int(value)
    return value


def canonical_decimal(value: Any) -> str:
    """Return the one spelling of a decimal (no exponent, no trailing zeros, no -0), so that equal means the same text.

    Takes an int, float or text such as "12.50"; raises ValueError for anything else, for more than
    `DECIMAL_DIGITS` digits or `DECIMAL_PLACES` places.
    """
    if value.__class__ is float:
        written = repr(value)
        if len(written) <= 15 and "e" not in written and "n" not in written:  # noqa: PLR2004
            whole, _, places = written.partition(".")
            if len(places) <= DECIMAL_PLACES:
                return (whole if whole != "-0" else "0") if places == "0" else written
    elif value.__class__ is int:
        written = str(value) if abs(value) < 10**DECIMAL_DIGITS else "out of range"
    elif value.__class__ is str:
        written = value.strip()
        if not _DECIMAL.fullmatch(written):
            raise ValueError("not a decimal number")
    else:
        raise ValueError("not a decimal number")
    try:
        number = Decimal(written).normalize()
    except InvalidOperation:
        raise ValueError("not a decimal number") from None
    if not number.is_finite():
        raise ValueError("not a decimal number")
    _, digits, exponent = number.as_tuple()
    scale = max(-int(exponent), 0)
    if scale > DECIMAL_PLACES or max(len(digits) + int(exponent), 0) > WHOLE_DIGITS:
        raise ValueError("out of range")
    return "0" if number == 0 else format(number, "f")


_DECIMAL_EXPECTED = f"a decimal number of at most {WHOLE_DIGITS} digits before the point and {DECIMAL_PLACES} after it"
DecimalText = Annotated[
    str,
    BeforeValidator(canonical_decimal),
    Field(description=_DECIMAL_EXPECTED),
    WithJsonSchema({"type": ["number", "string"], "description": _DECIMAL_EXPECTED}),
]
"""A decimal number, kept as its canonical text: exact, cheap to compare, taken by Postgres as numeric."""

NonNegativeDecimalText = Annotated[DecimalText, StringConstraints(pattern=r"^[^-]")]


def _plain_json(value: Any, depth: int = MAX_JSON_DEPTH) -> Any:
    if depth == 0:
        raise ValueError(f"nested deeper than {MAX_JSON_DEPTH} levels")
    if value.__class__ is str:
        if "\0" in value:
            raise ValueError("contains U+0000")
    elif value.__class__ is list:
        for element in value:
            _plain_json(element, depth - 1)
    elif value.__class__ is dict:
        for key, element in value.items():
            if "\0" in key:
                raise ValueError("contains U+0000")
            _plain_json(element, depth - 1)
    elif value.__class__ is float and value in (float("inf"), float("-inf")):
        raise ValueError("number out of range")
    return value


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise ValueError("not a time zone of the IANA database") from None
    return name


ExternalId = Annotated[str, _text(255, 1)]
Name = Annotated[str, _text(255, 1)]
ShortText = Annotated[str, _text(255)]
LongText = Annotated[str, _text(65_535)]
UrlText = Annotated[str, _text(2_048)]
Int32 = Annotated[
    StrictInt,
    BeforeValidator(_parse_whole),
    Field(ge=-INT32_MAX - 1, le=INT32_MAX, description=f"a whole number from {-INT32_MAX - 1} to {INT32_MAX}"),
]
"""A whole number; "12" and 12.0 are taken as 12; true and 12.5 are not."""
JsonList = Annotated[
    list[Any],
    Field(
        max_length=250,
        description=f"an array of at most 250 elements, nested at most {MAX_JSON_DEPTH} levels, without U+0000",
    ),
    AfterValidator(_plain_json),
]
JsonValue = Annotated[
    list[Any] | dict[str, Any],
    Field(description=f"an object or array, nested at most {MAX_JSON_DEPTH} levels, without U+0000"),
    AfterValidator(_plain_json),
]
InventoryPolicy = Annotated[
    Literal["ignore", "deny", "continue", "dropship", "track"],
    Field(description="one of ignore, deny, continue, dropship, track"),
]
QuantityOverride = Annotated[Literal["none", "manual", "maximum"], Field(description="one of none, manual, maximum")]
TimeZone = Annotated[
    str,
    Field(pattern=r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$", max_length=64),
    Field(description="a time zone of the IANA database, such as Europe/Berlin", examples=["Europe/Berlin"]),
    AfterValidator(_known_zone),
]
