"""Requests become values of an operation's types, or a problem with one entry a field.

Limits: body size (the operation's own or `BODY_LIMIT_BYTES`), nesting (`MAX_DEPTH`), and counts (in the types). Unknown
attributes and query parameters are dropped and reported as warnings.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import cache
from typing import Any

import orjson
from aiohttp import web
from pydantic import BaseModel, TypeAdapter, ValidationError

from ingest.api.framework import conventions
from ingest.api.framework.models import Body, Query
from ingest.api.framework.operation import JSON, Operation
from ingest.http.json_bodies import may_repeat, repeated_name
from ingest.http.problems import ProblemError
from schemas.outcomes import shown

MAX_DEPTH = 32
BODY_TIMEOUT_S = 60.0
MAX_TOLD = 100
"""Errors and warnings of one answer: a body of nothing else would be answered with twenty times its size."""
SECRETS = frozenset({"authenticationToken", "authenticationSecret", "resourceLocation"})
"""Attributes whose values no error may quote."""

_CODES = {
    "missing": "required",
    "extra_forbidden": "unknown",
    "literal_error": "choice",
    "enum": "choice",
    "string_pattern_mismatch": "characters",
    "value_error": "value",
}
_RANGE = ("greater_than", "greater_than_equal", "less_than", "less_than_equal")


def problem(operation: Operation, status: int, reason: str, detail: str, details: Any = None) -> ProblemError:
    """Return a problem of this operation."""
    return ProblemError(status, f"api.{operation.name}.{reason}", detail, details)


def read_path(request: web.Request, operation: Operation) -> dict[str, Any]:
    """Return the path's parameters; raises 404 for text that cannot be an id."""
    values = {name: kind.parse(request.match_info[name]) for name, kind in operation.path_parameters.items()}
    if None in values.values():
        raise problem(operation, 404, "not_found", "there is no such resource")
    return values


def read_query(request: web.Request, operation: Operation) -> tuple[Query, list[dict[str, Any]]]:
    """Return the query parameters and the warnings about them; raises 400 with one entry a parameter.

    An unknown one is a warning, and an error with `Prefer: handling=strict` (RFC 7240).
    """
    pairs = [(conventions.plain_name(name), value) for name, value in request.query.items()]
    names = [name for name, _ in pairs]
    twice = {name: {"code": "repeated", "message": "given more than once"} for name in names if names.count(name) > 1}
    if twice:
        raise problem(operation, 400, "query", f"given more than once: {', '.join(twice)}", twice)
    given = dict(pairs)
    known = {field.alias or name for name, field in operation.query.model_fields.items()}
    warnings: list[dict[str, Any]] = []
    try:
        skip = conventions.take_skip(given) if operation.is_list else 0
        if not conventions.is_strict(request):
            warnings = [_unknown(name) for name in given if name not in known]
            given = {name: value for name, value in given.items() if name in known}
        query = operation.query.model_validate(given)
        query.skip = skip
        return query, warnings[:MAX_TOLD]
    except conventions.PagingError as error:
        details = {error.name: {"code": "range", "message": str(error), "value": shown(error.value)}}
        raise problem(operation, 400, "query", f"query parameters: {error.name}: {error}", details) from None
    except ValidationError as error:
        details = entries(error)
        raise problem(operation, 400, "query", "query parameters: " + _summary(details), details) from None


def _unknown(name: str) -> dict[str, Any]:
    text = shown(name)
    return {"field": text, "code": "unknown", "message": f"{text} is not a known query parameter; ignored"}


async def read_body(request: web.Request, operation: Operation, limit_bytes: int) -> tuple[Any, list[dict[str, Any]]]:
    """Return the body and the warnings about it.

    Raises 400 for what is no JSON, 413 for a body that is too large, 415 for another media type, 422 with one
    entry a field for what does not fit.
    """
    if operation.body is None:
        return None, []
    for name in ("Content-Type", "Content-Encoding"):
        if not request.headers.get(name, "").isprintable():
            raise problem(operation, 400, "header", f"the header {name} has bytes that are no text")
    raw = await _read(request, operation, limit_bytes)
    if not raw and operation.body_optional:
        return None, []
    if request.content_type in operation.media:
        return raw, []
    if request.content_type != JSON:
        accepted = ", ".join((JSON, *operation.media))
        raise problem(operation, 415, "media_type", f"send the body as {accepted} (header Content-Type)")
    return parse_body(raw, operation)


def parse_body(raw: bytes, operation: Operation) -> tuple[Any, list[dict[str, Any]]]:
    """Return a JSON body and the warnings about it; raises 400 or 422 as `read_body` does."""
    decoded = _decoded(raw, operation)
    if not operation.validated:
        return decoded, []
    return _validated(decoded, operation)


def _decoded(raw: bytes, operation: Operation) -> Any:
    """Return the value of a body; raises 400 for what is no JSON, nested too deep, or says two things at once."""
    try:
        decoded = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        where = {"line": error.lineno, "column": error.colno}
        raise problem(operation, 400, "malformed", f"the body is not JSON: {error}", where) from None
    if _deeper_than(decoded, MAX_DEPTH):
        raise problem(operation, 400, "too_deep", f"the body is nested deeper than {MAX_DEPTH} levels")
    if may_repeat(decoded, raw) and (twice := repeated_name(raw)) is not None:
        detail = f"the name {shown(twice)} stands twice in one object: nobody knows which value is meant"
        raise problem(operation, 400, "repeated", detail, {"name": shown(twice)})
    return decoded


async def _read(request: web.Request, operation: Operation, limit_bytes: int) -> bytes:
    limit = operation.body_limit_bytes or limit_bytes
    request._client_max_size = limit  # noqa: SLF001 - aiohttp has one limit an application, operations have their own
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await request.read()
    except TimeoutError:
        raise problem(operation, 408, "too_slow", f"the body did not arrive within {BODY_TIMEOUT_S:.0f} s") from None
    except web.HTTPRequestEntityTooLarge:
        raise problem(operation, 413, "too_large", f"the body is larger than {limit} bytes") from None
    except (web.RequestPayloadError, OSError):
        raise problem(
            operation, 400, "malformed", "the body does not arrive whole, or is not encoded as said"
        ) from None


def _validated(decoded: Any, operation: Operation) -> tuple[Any, list[dict[str, Any]]]:
    many = operation.many and isinstance(decoded, list)
    if many and not 1 <= len(decoded) <= operation.many:
        status = 413 if decoded else 422
        raise problem(operation, status, "count", f"expected 1 to {operation.many} elements, got {len(decoded)}")
    try:
        value = adapter(list[operation.body] if many else operation.body).validate_python(decoded)  # type: ignore[name-defined]
    except ValidationError as error:
        details = entries(error)
        reason = "missing" if all(entry["code"] == "required" for entry in details.values()) else "invalid"
        raise problem(operation, 422, reason, _summary(details), details) from None
    warnings = list(drop_unknown(value, ""))
    if len(warnings) > MAX_TOLD:
        more = f"{len(warnings) - MAX_TOLD} more attributes are not known; ignored"
        warnings[MAX_TOLD:] = [{"field": "…", "code": "unknown", "message": more}]
    return value, warnings


@cache
def adapter(of: Any) -> TypeAdapter[Any]:
    """Return the validator of a type."""
    return TypeAdapter(of)


def entries(error: ValidationError) -> dict[str, dict[str, Any]]:
    """Return one entry a wrong field: dotted path → `{"code", "message", "value"}`."""
    found: dict[str, dict[str, Any]] = {}
    for detail in error.errors(include_url=False, include_context=False):
        path = ".".join(str(shown(part)) for part in detail["loc"]) or "body"
        if path in found:
            continue
        entry = {"code": _code(detail["type"]), "message": str(detail["msg"]).removeprefix("Value error, ")}
        if detail["type"] != "missing" and not SECRETS.intersection(map(str, detail["loc"])):
            entry["value"] = shown(detail["input"])
        if len(found) == MAX_TOLD:
            found["…"] = {"code": "more", "message": f"{error.error_count()} errors in all"}
            break
        found[path] = entry
    return found


def _code(kind: str) -> str:
    if kind in _CODES:
        return _CODES[kind]
    if kind.startswith(_RANGE):
        return "range"
    if kind.endswith(("too_long", "too_short")):
        return "length"
    return "type"


def _summary(details: dict[str, dict[str, Any]]) -> str:
    path, first = next(iter(details.items()))
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    return f"{path}: {first['message']}{more}"


def drop_unknown(value: Any, path: str) -> Iterator[dict[str, Any]]:
    """Yield a warning for each attribute that no type knows, and drop it."""
    if isinstance(value, list):
        for index, element in enumerate(value):
            yield from drop_unknown(element, f"{path}{index}.")
    elif isinstance(value, BaseModel):
        for name in list(value.model_extra or ()):
            read_only = isinstance(value, Body) and name in value.READ_ONLY
            text = shown(name)
            yield {
                "field": f"{path}{text}",
                "code": "read_only" if read_only else "unknown",
                "message": f"{text} is {'read-only' if read_only else 'not a known attribute'}; ignored",
            }
            value.model_extra.pop(name)  # type: ignore[union-attr]
            value.model_fields_set.discard(name)
        for name, field in value.__class__.model_fields.items():
            if name in value.model_fields_set:
                yield from drop_unknown(getattr(value, name), f"{path}{field.alias or name}.")


def _deeper_than(value: Any, depth: int) -> bool:
    level = [value]
    while level and depth:
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        depth -= 1
    return any(isinstance(value, dict | list) for value in level)
