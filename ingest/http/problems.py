"""Refusals over HTTP as RFC 7807 problem documents, the same for edge and API.

`{"type", "title", "status", "detail", "details"}`: `title` is a dotted code that programs may compare (such as
`edge.hash.unknown`), `detail` is for people, `details` holds what a program needs beside it, `type` leads to a page
that explains the code (problem_pages.py). Source: RFC 7807, and Onport's API reference for the dotted codes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from aiohttp import web
from aiohttp.typedefs import Middleware

from ingest.http.problem_pages import PATH
from schemas.errors import Rejected
from schemas.logs import structlog

CONTENT_TYPE = "application/problem+json"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_log = structlog.get_logger()


class ProblemError(Rejected):
    """A refusal with its HTTP status; `code` is dotted and stable, `headers` are added to the answer."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.details = dict(details or {})
        self.headers = dict(headers or {})

    def response(self) -> web.Response:
        """Return the answer."""
        return web.Response(
            status=self.status,
            body=document(self.status, self.code, self.detail, self.details),
            headers=self.headers,
            content_type=CONTENT_TYPE,
        )


def document(status: int, code: str, detail: str, details: Mapping[str, Any] | None = None) -> bytes:
    """Return the JSON of one problem."""
    return orjson.dumps(
        {"type": f"{PATH}/{code}", "title": code, "status": status, "detail": detail, "details": details or {}},
        default=str,
    )


def middleware(prefix: str) -> Middleware:
    """Return an aiohttp middleware that answers every refusal as a problem; `prefix` begins its own codes.

    A `ProblemError` is answered as it is, an HTTP error of aiohttp itself (no route, method, body too large) in the
    same form, and anything unexpected as 500 without a word of its inside; that one is logged with its traceback.
    """

    @web.middleware
    async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except ProblemError as problem:
            return problem.response()
        except web.HTTPException as error:
            if error.status < 400:  # noqa: PLR2004 - redirects are no refusals
                raise
            return of_http_error(prefix, request, error).response()
        except Exception:  # noqa: BLE001 - the last line of defence; logged
            _log.exception("request_failed", method=request.method, path=request.path)
            return internal(prefix).response()

    return problems


def internal(prefix: str) -> ProblemError:
    """Return the answer to what nobody foresaw."""
    return ProblemError(500, f"{prefix}.internal", "Something went wrong on our side; it has been logged.")


def of_http_error(prefix: str, request: web.Request, error: web.HTTPException) -> ProblemError:
    """Return aiohttp's own refusal as a problem."""
    if isinstance(error, web.HTTPNotFound):
        return ProblemError(404, f"{prefix}.not_found", f"There is nothing at {request.path}.")
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = sorted(error.allowed_methods)
        return ProblemError(
            405,
            f"{prefix}.method_not_allowed",
            f"{request.method} is not allowed here; allowed: {', '.join(allowed)}.",
            {"allowed": allowed},
            {"Allow": ",".join(allowed)},
        )
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return ProblemError(413, f"{prefix}.body.too_large", error.text or error.reason)
    code = error.reason.lower().replace(" ", "_").replace("-", "_")
    return ProblemError(error.status, f"{prefix}.{code}", error.text or error.reason)
