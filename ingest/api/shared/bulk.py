"""Changes of up to 50 at once, each with its own outcome: what is wrong with one costs none of the others."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ingest.api.framework.call import Call
from ingest.api.framework.models import INT64_MAX, Resource
from schemas.items import MAX_ITEMS
from schemas.outcomes import shown


class BulkReject(Resource):
    """What is wrong with one element."""

    index: int = Field(description="position in the body, from 0")
    external_id: str | None = None
    field: str | None = None
    code: str
    message: str
    value: Any = None


def elements_of(call: Call[Any, Any]) -> list[Any]:
    """Return the body's elements; raises 413 or 422."""
    if not isinstance(call.body, list):
        raise call.invalid("body", "type", f"expected an array of 1 to {MAX_ITEMS} elements")
    if not 1 <= len(call.body) <= MAX_ITEMS:
        status = 413 if call.body else 422
        raise call.problem(status, "count", f"expected 1 to {MAX_ITEMS} elements, got {len(call.body)}")
    return call.body


def whole_id(value: Any) -> int | None:
    """Return a value that can be an id, else None."""
    return value if type(value) is int and 1 <= value <= INT64_MAX else None


def reject(index: int, field: str | None, code: str, message: str, value: Any = None) -> dict[str, Any]:
    """Return what is told of an element that was refused."""
    return {"index": index, "field": field, "code": code, "message": message, "value": shown(value)}
