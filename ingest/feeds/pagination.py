"""How a JSON API hands out its items page by page; an attribute (`pagination`) of a feed of `resourceType` api."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from ingest.feeds.jsonpaths import STAR, json_path

_NEEDS = {"link": set[str](), "nextUrl": {"path"}, "page": {"parameter"}, "cursor": {"parameter", "path"}}


def _field_path(text: str) -> str:
    """Return the path as parsing writes those of the fields that it finds: `meta.next`, `links[0].href`."""
    path = json_path(text)
    if path.up or STAR in path.steps or not path.steps:
        raise ValueError("expected the path of one field outside the items, such as meta.next")
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path.steps).removeprefix(".")


class Pagination(BaseModel):
    """Where the next page is.

    `link`: the answer's `Link: <...>; rel="next"` header. `nextUrl`: the field at `path` holds its address. `page`: the
    query parameter `parameter` counts from `first` by `step`, until a page has no items; with a step of the page size
    it is an offset. `cursor`: the field at `path` goes into `parameter`, until it is empty.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: Literal["link", "nextUrl", "page", "cursor"] = Field(description="what names the next page")
    path: Annotated[str, AfterValidator(_field_path)] | None = Field(
        None, description="JSON path of the field with the next address or cursor, such as meta.next"
    )
    parameter: Annotated[str, Field(pattern=r"^[\w.\[\]$-]{1,100}$")] | None = Field(
        None, description="the query parameter that takes the page's number or cursor"
    )
    first: Annotated[int, Field(ge=0, le=1)] | None = Field(
        None,
        description="the number of the first page, unless the address holds it; if not given 1, and 0 for an offset",
    )
    step: Annotated[int, Field(ge=1, le=100_000)] = Field(1, description="from one page's number to the next")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        given = {name for name in ("path", "parameter") if getattr(self, name) is not None}
        if given != _NEEDS[self.by]:
            raise ValueError(f"{self.by} takes {' and '.join(sorted(_NEEDS[self.by])) or 'neither path nor parameter'}")
        if self.by != "page" and self.model_fields_set & {"first", "step"}:
            raise ValueError(f"{self.by} has no first or step")
        return self
