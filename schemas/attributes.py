"""The types that attributes are made of: each validates, describes itself in OpenAPI and says what it expected.

They are pydantic types, so one definition serves the road, the resources and the OpenAPI document. The sentence
in `description` is what an error message quotes as expected. Beside it stands the quick check of a whole column
(`schemas/columns.py`), which must not take anything that the type refuses.
"""

from __future__ import annotations

import functools
import re
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, StrictInt, StringConstraints, WithJsonSchema

from schemas.columns import Barcode as BarcodeColumn
from schemas.columns import Choice, Each, Key, Text, Whole

INT32_MAX = 2**31 - 1
DECIMAL_DIGITS, DECIMAL_PLACES = 15, 6
WHOLE_DIGITS = DECIMAL_DIGITS - DECIMAL_PLACES
"""A decimal has at most this many digits in all, and this many after the point: a float carries it exactly."""

_NO_NUL = r"^[^\x00]*$"
"""Postgres text cannot hold U+0000; JSON can."""
_WHOLE = re.compile(r"[+-]?\d{1,10}(\.0+)?", re.ASCII)
_CANONICAL = re.compile(
    rf"(?!-0\Z)-?(0|[1-9]\d{{0,{WHOLE_DIGITS - 1}}})(\.\d{{0,{DECIMAL_PLACES - 1}}}[1-9])?", re.ASCII
)
_NUMBERS = frozenset((int, float, str))
_MAX_WRITTEN = 100
"""Characters of a number that are worth looking at."""
_DECIMAL = re.compile(r"[+-]?(\d{1,15}(\.\d{1,15})?|\.\d{1,15})", re.ASCII)
MAX_JSON_DEPTH, MAX_JSON_LIST = 16, 250


_SHORT, _URL, _LONG = Text(0, 255), Text(0, 2_048), Text(0, 65_535)
_NAME, _ID, _SKU, _BARCODE = Text(1, 255), Key(1, 255), Key(0, 255), BarcodeColumn(0, 255)


def _text(column: Text) -> Any:
    return Field(
        min_length=column.shortest,
        max_length=column.longest,
        pattern=_NO_NUL,
        description=f"text of {column.shortest} to {column.longest} characters, without U+0000",
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
    `DECIMAL_DIGITS` digits or `DECIMAL_PLACES` places. Prices repeat, so the latest are remembered.
    """
    if value.__class__ in _NUMBERS and (value.__class__ is not str or len(value) <= _MAX_WRITTEN):
        return _canonical_decimal(value)
    raise ValueError("not a decimal number")


@functools.lru_cache(maxsize=2**14, typed=True)
def _canonical_decimal(value: Any) -> str:
    if value.__class__ is float:
        written = repr(value)
        if len(written) <= 15 and "e" not in written and "n" not in written:  # noqa: PLR2004
            whole, _, places = written.partition(".")
            if len(places) <= DECIMAL_PLACES:
                return (whole if whole != "-0" else "0") if places == "0" else written
    elif value.__class__ is int:
        written = str(value) if abs(value) < 10**DECIMAL_DIGITS else "out of range"
    else:
        if _CANONICAL.fullmatch(value):
            return str(value)
        written = value.strip()
        if not _DECIMAL.fullmatch(written):
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
    Each("decimal", _canonical_decimal, int, float, str, longest=_MAX_WRITTEN),
]
"""A decimal number, kept as its canonical text: exact, cheap to compare, taken by Postgres as numeric."""


def _not_negative(value: Any) -> str:
    text = canonical_decimal(value)
    if text.startswith("-"):
        raise ValueError("negative")
    return text


NonNegativeDecimalText = Annotated[
    DecimalText, StringConstraints(pattern=r"^[^-]"), Each("decimal", _not_negative, int, float, str)
]


def _plain_json(value: Any, depth: int = MAX_JSON_DEPTH) -> Any:
    if depth == 0:
        raise ValueError(f"nested deeper than {MAX_JSON_DEPTH} levels")
    if value.__class__ is str:
        _check_text(value)
    elif value.__class__ is list:
        for element in value:
            _plain_json(element, depth - 1)
    elif value.__class__ is dict:
        for key, element in value.items():
            _check_text(key)
            _plain_json(element, depth - 1)
    elif value.__class__ is float and not isfinite(value):
        raise ValueError("number out of range")
    return value


def _check_text(text: str) -> None:
    if "\0" in text:
        raise ValueError("contains U+0000")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError("contains half of a surrogate pair") from None


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise ValueError("not a time zone of the IANA database") from None
    return name


def _plain_list(value: list[Any]) -> list[Any]:
    if len(value) > MAX_JSON_LIST:
        raise ValueError("too long")
    _plain_json(value)
    return value


def _cleaned(column: Key) -> BeforeValidator:
    return BeforeValidator(lambda value: column.make(value) if value.__class__ is str else value)


ExternalId = Annotated[str, _text(_ID), _cleaned(_ID), _ID]
Sku = Annotated[str, _text(_SKU), _cleaned(_SKU), _SKU]
Barcode = Annotated[Annotated[str, _text(_BARCODE)] | None, _cleaned(_BARCODE), _BARCODE]
"""A barcode; `N/A`, `NULL`, `0` and the like are null, so that nothing connects by them."""
Name = Annotated[str, _text(_NAME), _NAME]
ShortText = Annotated[str, _text(_SHORT), _SHORT]
LongText = Annotated[str, _text(_LONG), _LONG]
UrlText = Annotated[str, _text(_URL), _URL]
Int32 = Annotated[
    StrictInt,
    BeforeValidator(_parse_whole),
    Field(ge=-INT32_MAX - 1, le=INT32_MAX, description=f"a whole number from {-INT32_MAX - 1} to {INT32_MAX}"),
    Whole(_parse_whole, -INT32_MAX - 1, INT32_MAX),
]
"""A whole number; "12" and 12.0 are taken as 12; true and 12.5 are not."""
JsonList = Annotated[
    list[Any],
    Field(
        max_length=MAX_JSON_LIST,
        description=(
            f"an array of at most {MAX_JSON_LIST} elements, nested at most {MAX_JSON_DEPTH} levels, without U+0000"
        ),
    ),
    AfterValidator(_plain_json),
    Each("list", _plain_list, list),
]
JsonValue = Annotated[
    list[Any] | dict[str, Any],
    Field(description=f"an object or array, nested at most {MAX_JSON_DEPTH} levels, without U+0000"),
    AfterValidator(_plain_json),
    Each("json", _plain_json, list, dict),
]
InventoryPolicy = Annotated[
    Literal["ignore", "deny", "continue", "dropship", "track"],
    Field(description="one of ignore, deny, continue, dropship, track"),
    Choice("ignore", "deny", "continue", "dropship", "track"),
]
QuantityOverride = Annotated[
    Literal["none", "manual", "maximum"],
    Field(description="one of none, manual, maximum"),
    Choice("none", "manual", "maximum"),
]
DistanceUnit = Annotated[Literal["in", "cm"], Field(description="one of in, cm"), Choice("in", "cm")]
Flag = Annotated[StrictBool, Field(description="true or false"), Each("flag", bool, bool)]
TimeZone = Annotated[
    str,
    Field(pattern=r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$", max_length=64),
    Field(description="a time zone of the IANA database, such as Europe/Berlin", examples=["Europe/Berlin"]),
    AfterValidator(_known_zone),
]
