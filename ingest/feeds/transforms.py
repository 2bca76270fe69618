"""The transforms of mapping expressions as a feed has them: data, compiled by `ingest/pull/mapping/transforms.py`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import re2
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

_PATTERN_MEMORY = 1 << 20


def compile_pattern(pattern: str) -> Any:
    """Return the compiled pattern (RE2: time linear in the text, whatever the pattern); raises ValueError."""
    options = re2.Options()
    options.max_mem = _PATTERN_MEMORY
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise ValueError(f"not a usable pattern: {error}") from None


def sound_pattern(pattern: str) -> str:
    """Return a pattern with at most one group; raises ValueError for any other."""
    if compile_pattern(pattern).groups > 1:
        raise ValueError("expected a pattern with at most one group")
    return pattern


class DataModel(BaseModel):
    """Settings that are part of a mapping: camelCase in JSON, nothing unknown, never changed."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, extra="forbid", frozen=True
    )


class Number(DataModel):
    """Text to a number: group separators are removed, the decimal sign becomes a point, currency signs are refused."""

    name: Literal["number"]
    notation: Literal["decimal", "comma"] | None = Field(
        None, description="the decimal sign; the feed's `decimalNotation` when not given"
    )


class TextToQuantity(DataModel):
    """Text to a quantity: the words given; "5+", ">5" and "≥5" are 5; "out of stock" and "sold out" are 0."""

    name: Literal["textToQuantity"]
    words: dict[Annotated[str, Field(max_length=100)], Annotated[int, Field(ge=-(2**31), lt=2**31)]] = Field(
        default_factory=dict, max_length=100, description='what words mean, any case: {"in stock": 10}'
    )


class Prefix(DataModel):
    """Put a text before."""

    name: Literal["prefix"]
    text: Annotated[str, Field(max_length=255)]


class Suffix(DataModel):
    """Put a text after."""

    name: Literal["suffix"]
    text: Annotated[str, Field(max_length=255)]


class Match(DataModel):
    """The first match of a pattern: its group if it has one, else all of it; no match is empty (RE2 syntax)."""

    name: Literal["match"]
    pattern: Annotated[str, Field(min_length=1, max_length=255), AfterValidator(sound_pattern)]


class Split(DataModel):
    """Text to a list of trimmed texts; empty ones are left out."""

    name: Literal["split"]
    separator: Annotated[str, Field(min_length=1, max_length=10)] = ","


def _tagged(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) and value in ("number", "textToQuantity", "split") else value


Transform = Annotated[
    Literal["trim", "lower", "upper"]
    | Annotated[Number | TextToQuantity | Prefix | Suffix | Match | Split, Field(discriminator="name")],
    BeforeValidator(_tagged),
]
"""One named change of a text; `"number"`, `"textToQuantity"` and `"split"` may stand without their settings."""
