"""The edge's HTTP server: one hot path and the load balancer's two, dispatched by hand.

aiohttp's low-level server without router and application: measured 12 % less work a post.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import structlog
from aiohttp import web

from ingest.edge.post import PATH
from ingest.http.problem_pages import ProblemPages
from ingest.http.problems import ProblemError, internal
from ingest.http.request_ids import HEADER as REQUEST_ID
from ingest.http.request_ids import give_id
from schemas import monitor

_log = structlog.get_logger()
_SHOWN = 200
HEAD_S = 30.0
"""A head that takes longer, and a connection that says nothing for so long, are ended."""
KEEP_ALIVE_S = 75.0
"""Between two posts of a connection; more than load balancers keep theirs, so that none posts into a closed one."""

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def dispatcher(
    post: Handler, *, alive: monitor.Probe, ready: monitor.Probe, stopping: Callable[[], bool] = lambda: False
) -> Handler:
    """Return the handler of every request: posts go to `post`."""
    others = monitor.public_answers(alive=alive, ready=ready)
    problems = ProblemPages()

    async def dispatch(request: web.BaseRequest) -> web.StreamResponse:
        request_id = give_id(request)
        response = await answered(request)
        response.headers[REQUEST_ID] = request_id
        if stopping():
            response.force_close()  # so that the sender's next post finds another process
        return response

    async def answered(request: web.BaseRequest) -> web.StreamResponse:
        path = request.raw_path
        if path != PATH:
            path = _plain(path)
        if path == PATH:
            return await post(request) if request.method == "POST" else _not_allowed(request, "POST")
        answer = others.get(path)
        if answer is None and (page := problems.answer(path)) is not None:
            return page if request.method in ("GET", "HEAD") else _not_allowed(request, "GET,HEAD")
        if answer is None:
            return ProblemError(404, "edge.not_found", f"There is nothing here; posts go to {PATH}.").response()
        return answer() if request.method in ("GET", "HEAD") else _not_allowed(request, "GET,HEAD")

    return dispatch


def _plain(target: str) -> str:
    """Return the path of a request's target; a proxy may send the whole address (absolute-form, RFC 9112, 3.2.2)."""
    if target.partition(":")[0].lower() in ("http", "https"):
        target = "/" + target.partition("://")[2].partition("/")[2]
    return target.partition("?")[0]


def runner(handler: Handler, shutdown_timeout_s: float) -> web.ServerRunner:
    """Return the runner to listen with. Bodies are left as sent: decompression is bounded by our own limit."""
    server = _Server(handler, access_log=None, auto_decompress=False, keepalive_timeout=KEEP_ALIVE_S)
    return web.ServerRunner(server, shutdown_timeout=shutdown_timeout_s)


class _Connection(web.RequestHandler):
    """One connection; what is not well-formed HTTP is a problem like any other, and no traceback in the log.

    A head has `HEAD_S` to arrive, the first one from the connection on.
    """

    __slots__ = ("_head_of", "_head_timer")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first head."""
        self._head_timer: asyncio.TimerHandle | None = None
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Start the clock when a head begins to arrive and does not end."""
        super().data_received(data)
        if not self._messages and self._waiter is not None and self._head_of != self._request_count:
            self._expect_head()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stop the clock."""
        if self._head_timer is not None:
            self._head_timer.cancel()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
        self._head_of = self._request_count  # that many heads were whole before it
        self._head_timer = self._loop.call_later(HEAD_S, self._head_is_due)

    def _head_is_due(self) -> None:
        self._head_timer = None
        if self._request_count == self._head_of and self._waiter is not None and not self._waiter.done():
            self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if request.writer.output_size > 0:
            raise ConnectionError("part of an answer was sent already")
        request_id = give_id(request)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            _log.error("request_failed", path=request.path, request_id=request_id, exc_info=exc)
            response = internal("edge").response()
        else:
            _log.info("request_malformed", status=status, request_id=request_id, reason=type(exc).__name__)
            said = " ".join((message or "").split())[:_SHOWN]
            response = ProblemError(status, "edge.http.malformed", f"Not well-formed HTTP: {said}").response()
        response.headers[REQUEST_ID] = request_id
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
