"""The OpenAPI 3.1 document, made from the operations and their types: the same that route and validate."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel, Field, TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from ingest.api.framework.operation import JSON, Operation
from ingest.http.problems import CONTENT_TYPE as PROBLEM_JSON

_REF = "#/components/schemas/{model}"
_ALWAYS = {
    401: "no token, or one that is unknown or revoked",
    403: "the token's scope is too small",
    429: "over the account's rate limit",
    503: "a dependency is away: try again after `Retry-After` seconds",
    504: "the database took too long for this: narrow it",
}
_HEADERS = {
    "ETag": "changes whenever the answer does; for `If-None-Match`, and for `If-Match` to change just this version",
    "RateLimit": "what is left of the daily SKU limit, if there is one (draft-ietf-httpapi-ratelimit-headers)",
    "RateLimit-Policy": "the daily SKU limit",
    "X-Request-Id": "of the request, also in our logs; the one that was sent, if it is sound",
    "Link": 'the address of the next page, `rel="next"`; absent on the last page',
    "Retry-After": "seconds to wait before trying again",
}


class ProblemEntry(BaseModel):
    """What is wrong with one field."""

    code: str = Field(description="required, type, range, length, choice, characters, value, unknown …")
    message: str = Field(description="what is expected")
    value: Any = Field(None, description="what was sent, cut to 200 characters")


class Problem(BaseModel):
    """RFC 7807 problem document."""

    type: str = Field(description="the page that says what the code means and what to do, `/api/problems/<code>`")
    title: str = Field(description="a dotted code such as `api.inventory_feeds.create.missing`")
    status: int
    detail: str = Field(description="what happened, for people")
    details: dict[str, Any] = Field(description="what a program needs beside it; for validation one entry a field")


class Warnings(BaseModel):
    """One attribute of the request that was ignored."""

    field: str
    code: str = Field(description="unknown or read_only")
    message: str


def document(operations: Sequence[Operation], server: str) -> dict[str, Any]:
    """Return the document; `server` is the API's public address ("" for the one it is read from)."""
    schemas, components = _schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.template, {})[operation.method.lower()] = _operation(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Feedline API",
            "version": version("feedline"),
            "description": "Providers, inventory feeds, feed variants, variants, usage and receipts of an account.",
        },
        "servers": [{"url": server or "/"}],
        "security": [{"bearer": []}],
        "tags": [{"name": name} for name in dict.fromkeys(_tag(operation) for operation in operations)],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "an API token of the account"}
            },
        },
    }


def _types(operations: Sequence[Operation]) -> Iterator[tuple[Any, JsonSchemaMode]]:
    yield Problem, "serialization"
    yield ProblemEntry, "serialization"
    yield Warnings, "serialization"
    for operation in operations:
        if operation.body is not None:
            yield operation.body, "validation"
        for answer in (operation.response, *operation.also.values()):
            if answer is not None:
                yield answer, "serialization"


def _schemas(operations: Sequence[Operation]) -> tuple[dict[tuple[str, str], Any], dict[str, Any]]:
    inputs = {(repr(of), mode): (repr(of), mode, TypeAdapter(of)) for of, mode in _types(operations)}
    schemas, found = TypeAdapter.json_schemas(list(inputs.values()), ref_template=_REF)
    # A typed dict inherits its parent's title; generators of clients take titles for names.
    components = {name: {**schema, "title": name} for name, schema in found.get("$defs", {}).items()}
    return {(str(key), mode): schema for (key, mode), schema in schemas.items()}, components


def _tag(operation: Operation) -> str:
    return operation.resource.replace("_", " ").capitalize()


def _operation(operation: Operation, schemas: dict[tuple[str, str], Any]) -> dict[str, Any]:
    described = {
        "operationId": operation.name,
        "tags": [_tag(operation)],
        "summary": operation.summary,
        "description": "\n\n".join(filter(None, (operation.description, f"Scope: `{operation.scope}`."))),
        "parameters": list(_parameters(operation)),
        "responses": {str(status): answer for status, answer in sorted(_responses(operation, schemas).items())},
    }
    if operation.body is not None:
        described["requestBody"] = _request_body(operation, schemas)
    return described


def _parameters(operation: Operation) -> Iterator[dict[str, Any]]:
    for name, kind in operation.path_parameters.items():
        yield {"name": name, "in": "path", "required": True, "schema": kind.schema}
    queried = operation.query.model_json_schema(ref_template=_REF)
    for name, schema in queried.get("properties", {}).items():
        yield {
            "name": name,
            "in": "query",
            "required": name in queried.get("required", ()),
            "description": schema.get("description", ""),
            "schema": _not_null(schema),
        }
    if operation.tagged:
        header = "If-None-Match" if operation.method == "GET" else "If-Match"
        means = "304 when it is still this version" if operation.method == "GET" else "412 unless it is this version"
        if operation.method != "POST":
            yield {
                "name": header,
                "in": "header",
                "required": False,
                "description": means,
                "schema": {"type": "string"},
            }


def _not_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an optional parameter without null, which no query string can say."""
    options = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "title", "description")}
    if rest.get("default", ...) is None:
        del rest["default"]
    return {**rest, **options[0]} if len(options) == 1 else {**rest, **({"anyOf": options} if options else {})}


def _request_body(operation: Operation, schemas: dict[tuple[str, str], Any]) -> dict[str, Any]:
    schema = schemas[repr(operation.body), "validation"]
    if operation.many:
        several = {"type": "array", "items": schema, "minItems": 1, "maxItems": operation.many}
        schema = {"oneOf": [schema, several]}
    shown = {} if operation.example is None else {"example": operation.example}
    content = {JSON: {"schema": schema, **shown}} | {media: {"schema": {"type": "string"}} for media in operation.media}
    return {"required": not operation.body_optional, "content": content}


def _responses(operation: Operation, schemas: dict[tuple[str, str], Any]) -> dict[int, dict[str, Any]]:
    answers = {operation.status: operation.response, **operation.also}
    responses = {status: _answer(operation, status, answer, schemas) for status, answer in answers.items()}
    if operation.tagged and operation.method == "GET":
        responses[304] = {"description": "still the version of `If-None-Match`"}
    for status, reason in {**_problems(operation), **operation.problems}.items():
        responses[status] = {
            "description": reason,
            "content": {PROBLEM_JSON: {"schema": {"$ref": _REF.format(model="Problem")}}},
        }
        if status in (429, 503):
            responses[status]["headers"] = _headers("Retry-After")
    return responses


def _problems(operation: Operation) -> dict[int, str]:
    problems = {**_ALWAYS, 400: "a query parameter is unknown or wrong"}
    if operation.path_parameters:
        problems[404] = "there is no such resource in this account"
    if operation.etag and operation.method in ("PUT", "DELETE"):
        problems[412] = "the resource is no longer the version of `If-Match`"
    if operation.body is not None:
        problems[400] = "the body is not JSON, or a query parameter is unknown or wrong"
        problems |= {
            408: "the body arrives too slowly",
            413: "the body is too large",
            415: "the body is of another media type",
        }
        problems[422] = "the body does not fit: `details` has one entry a field"
    return problems


def _answer(operation: Operation, status: int, answer: Any, schemas: dict[tuple[str, str], Any]) -> dict[str, Any]:
    response: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if answer is None:
        return response
    schema = schemas[repr(answer), "serialization"]
    if operation.body is not None and inspect.isclass(answer) and issubclass(answer, BaseModel):
        warned = {"type": "array", "items": {"$ref": _REF.format(model="Warnings")}}
        schema = {"allOf": [schema, {"type": "object", "properties": {"warnings": warned}}]}
    response["content"] = {
        media: {"schema": schema if media == JSON else {"type": "string"}} for media in operation.produces
    }
    headers = (["ETag"] if operation.tagged else []) + (["Link"] if operation.is_list else []) + ["X-Request-Id"]
    headers += ["RateLimit", "RateLimit-Policy"] if operation.method != "GET" else []
    if headers:
        response["headers"] = _headers(*headers)
    return response


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"description": _HEADERS[name], "schema": {"type": "string"}} for name in names}
