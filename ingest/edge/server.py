"""The edge's HTTP server: one hot path and the monitor's three, dispatched by hand.

aiohttp's low-level server without router and application: measured 12 % less work a post.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus

import structlog
from aiohttp import web

from ingest.edge.post import PATH
from ingest.http.problems import ProblemError, internal
from schemas import monitor

_log = structlog.get_logger()
_SHOWN = 200

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def dispatcher(post: Handler, *, alive: monitor.Probe, ready: monitor.Probe) -> Handler:
    """Return the handler of every request: posts go to `post`."""
    others = monitor.answers(alive=alive, ready=ready)

    async def dispatch(request: web.BaseRequest) -> web.StreamResponse:
        path = request.raw_path
        if path != PATH:
            path = path.partition("?")[0]
        if path == PATH:
            return await post(request) if request.method == "POST" else _not_allowed(request, "POST")
        answer = others.get(path)
        if answer is None:
            return ProblemError(404, "edge.not_found", f"There is nothing here; posts go to {PATH}.").response()
        return answer() if request.method in ("GET", "HEAD") else _not_allowed(request, "GET,HEAD")

    return dispatch


def runner(handler: Handler, shutdown_timeout_s: float) -> web.ServerRunner:
    """Return the runner to listen with. Bodies are left as sent: decompression is bounded by our own limit."""
    server = _Server(handler, access_log=None, auto_decompress=False)
    return web.ServerRunner(server, shutdown_timeout=shutdown_timeout_s)


class _Connection(web.RequestHandler):
    """One connection; what is not well-formed HTTP is a problem like any other, and no traceback in the log."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if request.writer.output_size > 0:
            raise ConnectionError("part of an answer was sent already")
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            _log.error("request_failed", path=request.path, exc_info=exc)
            response = internal("edge").response()
        else:
            _log.info("request_malformed", status=status, reason=type(exc).__name__)
            said = " ".join((message or "").split())[:_SHOWN]
            response = ProblemError(status, "edge.http.malformed", f"Not well-formed HTTP: {said}").response()
        response.force_close()
        return response


class _Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


def _not_allowed(request: web.BaseRequest, allowed: str) -> web.Response:
    return ProblemError(
        405,
        "edge.method_not_allowed",
        f"{request.method} is not allowed here; allowed: {allowed}.",
        {"allowed": allowed.split(",")},
        {"Allow": allowed},
    ).response()
