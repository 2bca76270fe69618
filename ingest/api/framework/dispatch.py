"""The way of a request: who asks, may they, is it right, the handler, the answer."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import asyncpg
import orjson
from aiohttp import web
from pydantic import BaseModel

from ingest.api.framework import capacity
from ingest.api.framework.auth import authenticate
from ingest.api.framework.call import SERVICES, Answer, Call, Scoped
from ingest.api.framework.caller import Caller
from ingest.api.framework.etags import etag_of, is_same
from ingest.api.framework.operation import JSON, Operation
from ingest.api.framework.postgres import STATEMENT_TIMEOUT_S
from ingest.api.framework.ratelimit import BUCKETS
from ingest.api.framework.retries import once
from ingest.api.framework.validation import read_body, read_path, read_query
from ingest.http.idempotency import HEADER
from ingest.http.problems import ProblemError
from schemas.errors import Transient
from schemas.logs import structlog
from schemas.metrics import API_REQUESTS, API_SECONDS
from schemas.postgres import AWAY
from schemas.secrets import WrongKey

MAX_WARNING_HEADERS = 20
_log = structlog.get_logger()


def handler_of(operation: Operation) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return the aiohttp handler of an operation."""

    async def handle(request: web.Request) -> web.StreamResponse:
        began, status = time.perf_counter(), 500
        try:
            response = await _answered(request, operation)
            status = response.status
        except ProblemError as problem:
            status = problem.status
            raise
        finally:
            API_SECONDS.labels(operation.name).observe(time.perf_counter() - began)
            API_REQUESTS.labels(operation.name, str(status)).inc()
        return response

    return handle


async def _answered(request: web.Request, operation: Operation) -> web.StreamResponse:
    async def work(call: Call[Any, Any]) -> web.StreamResponse:
        answer = await operation.handler(call)
        return _response(operation, call, answer) if isinstance(answer, Answer) else answer

    async with _troubles_told(request, operation):
        caller = await authenticate(request, operation)
        _limit_rate(request, caller)  # a flood is refused before anything is asked of Postgres
        try:
            call = await _call(request, operation, caller)
            kept = request.method == "POST" and HEADER in request.headers
            response = await (once(call, work) if kept else work(call))
            response.headers.update(await _capacity(request, caller))
        except ProblemError as problem:
            problem.headers.update(await _capacity(request, caller))
            raise
    if request.method != "GET":
        who = {"account_id": caller.account_id, "token_id": caller.token_id}
        _log.info("api_change", operation=operation.name, status=response.status, path=request.path, **who)
    return response


@asynccontextmanager
async def _troubles_told(request: web.Request, operation: Operation) -> AsyncIterator[None]:
    """Raise a problem in place of what Postgres, the broker or a missing key raise."""
    try:
        yield
    except asyncpg.QueryCanceledError:
        _log.warning("query_too_slow", operation=operation.name)
        detail = (
            f"the database took longer than {STATEMENT_TIMEOUT_S:g} s for this: narrow it by filters, or ask for less"
        )
        raise ProblemError(504, f"api.{operation.name}.slow", detail) from None
    except AWAY as error:
        if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
            await request.app[SERVICES].pool.expire_connections()  # a new one may lead to the primary
            _log.warning("postgres_read_only", operation=operation.name)
            raise _unavailable("the database is read-only at the moment") from None
        _log.warning("postgres_away", operation=operation.name, error=f"{type(error).__name__}: {error}")
        raise _unavailable("the database cannot be reached") from None
    except Transient as error:
        raise _unavailable(str(error)) from None
    except WrongKey as error:
        _log.error("wrong_secret_key", operation=operation.name)
        raise ProblemError(503, "api.secret_key", f"{error} (an operator's business)") from None


async def _capacity(request: web.Request, caller: Caller) -> dict[str, str]:
    """Return what is left of the day, for the answer to a write, whatever the answer is."""
    if request.method != "GET":
        with suppress(*AWAY, asyncpg.QueryCanceledError):  # the work is done, whatever becomes of the header
            db = Scoped(request.app[SERVICES].pool, caller.account_id)  # what the handler did has an end
            return await capacity.headers(db, datetime.now(UTC))
    return {}


def _unavailable(why: str) -> ProblemError:
    return ProblemError(503, "api.unavailable", f"{why}; try again", {}, {"Retry-After": "2"})


def _limit_rate(request: web.Request, caller: Caller) -> None:
    if caller.requests_per_second is None:
        return
    wait_s = request.app[BUCKETS].take(caller.account_id, request.method, caller.requests_per_second, time.monotonic())
    if wait_s:
        headers = {"Retry-After": str(int(wait_s) + 1)}
        raise ProblemError(429, "api.rate_limit", f"too many requests; try again in {wait_s:.1f} s", {}, headers)


async def _call(request: web.Request, operation: Operation, caller: Caller) -> Call[Any, Any]:
    path = read_path(request, operation)
    query, ignored = read_query(request, operation)
    limit_bytes = request.app[SERVICES].settings.body_limit_bytes
    if operation.about_feed and not caller.sees(path["id"]):
        raise ProblemError(404, f"api.{operation.name}.not_found", "there is no inventory feed with this id")
    body, warnings = await read_body(request, operation, limit_bytes)
    return Call(request, operation.name, caller, path, query, body, ignored + warnings)


def _response(operation: Operation, call: Call[Any, Any], answer: Answer) -> web.Response:
    headers = dict(answer.headers)
    encoded = None if answer.body is None else _encoded(call, answer.body)
    reads = call.request.method == "GET"
    if encoded is not None and (operation.etag or reads):
        version = _updated_at(answer) if operation.etag else None
        headers["ETag"] = etag_of(version, encoded, headers.get("Link", "").encode())
        condition = call.request.headers.get("If-None-Match")
        if reads and condition and is_same(condition, headers["ETag"]):
            return web.Response(status=304, headers=headers)
    response = web.Response(status=answer.status or operation.status, headers=headers)
    for warning in call.warnings[:MAX_WARNING_HEADERS]:
        response.headers.add("Warning", f"299 feedline {orjson.dumps(_ascii(warning['field'])).decode()}")
    if encoded is not None:
        response.body = encoded
        response.content_type = JSON
    return response


def _encoded(call: Call[Any, Any], answered: Any) -> bytes:
    body = plain(answered)
    if call.warnings and isinstance(body, dict):
        body["warnings"] = call.warnings
    return orjson.dumps(body, default=plain)


def _updated_at(answer: Answer) -> datetime | None:
    return answer.updated_at or getattr(answer.body, "updated_at", None)


def _ascii(text: str) -> str:
    printable = text.encode("ascii", "backslashreplace").decode()
    return "".join(character if character.isprintable() else "?" for character in printable)


def plain(value: Any) -> Any:
    """Return the JSON value of a resource; other values as they are."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    if isinstance(value, list):
        return [plain(element) for element in value]
    if isinstance(value, dict | str | int | float | None):
        return value
    raise TypeError(f"{type(value).__name__} is no JSON value")
