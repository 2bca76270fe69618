"""Bases of the types that validate requests, shape answers and describe both in OpenAPI.

Attributes are snake_case here and in SQL, camelCase in JSON.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Self, get_type_hints

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    field_validator,
)
from pydantic.alias_generators import to_camel

INT64_MAX = 2**63 - 1
MAX_PAGE = 500
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]", re.ASCII)

Id = Annotated[int, Field(ge=1, le=INT64_MAX, strict=True, json_schema_extra={"format": "int64"})]
"""The id of a resource in a body."""


def _written_out(text: Any) -> Any:
    if not _DATE_TIME.match(str(text)):
        raise ValueError("expected an ISO 8601 time with a time zone, such as 2026-01-31T12:00:00Z")
    return text


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # before year 1 or after year 9999 in UTC: as good as the end
        return _FIRST if moment.year == 1 else _LAST


When = Annotated[AwareDatetime, BeforeValidator(_written_out, json_schema_input_type=datetime), AfterValidator(_in_utc)]
"""A time in a query, in ISO 8601 with a zone; pydantic alone would take a number as seconds since 1970."""


class Body(BaseModel):
    """What a request may hold. An omitted attribute keeps what is stored; `sent` tells which ones were not omitted.

    Unknown attributes are let through here, so that `validation.py` can report and then drop them.
    """

    model_config = ConfigDict(alias_generator=to_camel, extra="allow", allow_inf_nan=False)

    READ_ONLY: ClassVar[frozenset[str]] = frozenset({"id", "createdAt", "updatedAt", "warnings"})
    """Attributes of the resource that a sender may echo back; ignored with the warning `read_only`."""

    def sent(self) -> dict[str, Any]:
        """Return attribute (in snake_case) → value of just what was sent."""
        return {name: getattr(self, name) for name in self.__class__.model_fields if name in self.model_fields_set}


def _without_defaults(schema: dict[str, Any]) -> None:
    for described in schema.get("properties", {}).values():
        described.pop("default", None)


class Changes(Body):
    """A body that changes a resource: nothing is required, and a default only stands for "not sent"."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)


def nullable(*models: type[BaseModel]) -> dict[str, Any]:
    """Return the models' fields as a body takes them: none is required, null stands for the default."""
    taken: dict[str, Any] = {}
    for model in models:
        types = get_type_hints(model, include_extras=True)
        for name, field in model.model_fields.items():
            taken[name] = (types[name] | None, Field(None, description=field.description))
    return taken


class Query(BaseModel):
    """Query parameters. As it stands: an operation that takes none."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    _skip: int = PrivateAttr(0)

    @field_validator("*", mode="after")
    @classmethod
    def _says_something(cls, value: Any) -> Any:
        """Refuse a value that was cleaned to nothing: a filter that is not there would find everything."""
        if value is None:
            raise ValueError("expected a value to look for: this one means that there is none")
        return value

    @property
    def skip(self) -> int:
        """Return how many resources of a list come before the page (`offset`, or `page`)."""
        return self._skip

    @skip.setter
    def skip(self, number: int) -> None:
        self._skip = number

    @property
    def rows(self) -> int:
        """Return how many rows to read for a page: one more than it shows, which tells of a next one."""
        limit: int = self.limit  # type: ignore[attr-defined]  # of lists
        return self._skip + limit + 1


class Page(Query):
    """Keyset pagination: the answer's `Link` header with `rel="next"` is the address of the next page."""

    limit: int = Field(50, ge=1, le=MAX_PAGE, description="resources of one page")
    after: int | None = Field(
        None, ge=0, le=INT64_MAX, description="start after this id; as given by the `Link` header"
    )


class Resource(BaseModel):
    """What an answer holds."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", validate_by_name=True, validate_by_alias=False)

    @classmethod
    def of(cls, row: Any) -> Self:
        """Return the resource of a database row whose columns have the attributes' names in snake_case."""
        return cls.model_validate(dict(row))


class Stored(Resource):
    """A resource with an id and the times of its making and of its last change."""

    id: int = Field(ge=1, description="read-only")
    created_at: datetime = Field(description="read-only")
    updated_at: datetime = Field(description="read-only")
