"""One operation of the API, declared once: its route, its validation and its place in the OpenAPI document."""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.models import INT64_MAX, Query

Handler = Callable[[Call[Any, Any]], Awaitable[Answer | web.StreamResponse]]

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class PathParameter:
    """One `{name:kind}` of a path: the pattern that routes it, its schema, and how its text becomes a value."""

    pattern: str
    schema: dict[str, Any]
    parse: Callable[[str], Any]


def _identifier(text: str) -> int | None:
    value = int(text)
    return value if 1 <= value <= INT64_MAX else None


PATH_KINDS = {
    "id": PathParameter(
        "[0-9]{1,19}", {"type": "integer", "format": "int64", "minimum": 1, "maximum": INT64_MAX}, _identifier
    ),
    "uuid": PathParameter(
        "[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}", {"type": "string", "format": "uuid"}, uuid.UUID
    ),
}
"""Kinds of path parameters; `{id}` is `{id:id}`. `parse` returns None for what cannot be the id of anything."""

_PLACEHOLDER = re.compile(r"\{(\w+)(?::(\w+))?\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path.

    `name` is `<resource>.<action>`, as in the codes of its problems (`api.<resource>.<action>.missing`).
    `body` is a `Body` type, or any type that pydantic knows when `validated` is False: then it only documents, and
    the handler gets the decoded JSON. With `many`, an array of up to `many` bodies is taken too, and comes as a list.
    `media` are further media types that a body may have (the handler gets bytes).
    `response` is the type of the answer (None: no content); `also` are other statuses with their types, `produces` the
    answer's media type. `problems` are the statuses that do not follow from the rest, each with its reason.
    `example` is a body that stands in the documentation; a test validates it.
    `also_at` are other spellings of the path that are served, and not documented.
    `etag`: a single resource with `updated_at`: answers `ETag` and honours `If-Match`. Every JSON answer to a GET has
    an `ETag` and honours `If-None-Match`.
    `bound`: tokens that are bound to a provider or feed may call it; the handler keeps to `caller.feeds`, unless the
    path names the feed. `vendor`: so may a vendor with the hash of its feed.
    """

    name: str
    method: str
    path: str
    summary: str
    handler: Handler
    scope: Scope
    description: str = ""
    also_at: tuple[str, ...] = ()
    query: type[Query] = Query
    body: Any = None
    validated: bool = True
    many: int = 0
    media: tuple[str, ...] = ()
    body_optional: bool = False
    example: Any = None
    body_limit_bytes: int | None = None
    response: Any = None
    status: int = 200
    also: Mapping[int, Any] = field(default_factory=dict)
    produces: tuple[str, ...] = (JSON,)
    problems: Mapping[int, str] = field(default_factory=dict)
    etag: bool = False
    bound: bool = False
    vendor: bool = False

    @property
    def resource(self) -> str:
        """Return the resource's part of the name."""
        return self.name.partition(".")[0]

    @property
    def routes(self) -> list[str]:
        """Return the paths as aiohttp's router takes them."""
        return [
            _PLACEHOLDER.sub(lambda m: f"{{{m[1]}:{PATH_KINDS[m[2] or 'id'].pattern}}}", path)
            for path in (self.path, *self.also_at)
        ]

    @property
    def template(self) -> str:
        """Return the path as OpenAPI writes it."""
        return _PLACEHOLDER.sub(lambda m: f"{{{m[1]}}}", self.path)

    @property
    def path_parameters(self) -> dict[str, PathParameter]:
        """Return name → kind of the path's parameters."""
        return {match[1]: PATH_KINDS[match[2] or "id"] for match in _PLACEHOLDER.finditer(self.path)}

    @property
    def about_feed(self) -> bool:
        """Return whether the path's `{id}` is a feed's."""
        return self.path.startswith(("/api/inventory-feeds/{id}/", "/api/inventory-feeds/{id}."))

    @property
    def tagged(self) -> bool:
        """Return whether the answer has an ETag."""
        return self.etag or (self.method == "GET" and self.produces == (JSON,))

    @property
    def is_list(self) -> bool:
        """Return whether the answer comes in pages."""
        return "after" in self.query.model_fields
