"""The edge's HTTP server: one hot path and the load balancer's two, dispatched by hand.

aiohttp's low-level server without router and application: measured 12 % less work a post.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage

from ingest.edge.connection import Begin, Connection
from ingest.edge.post import BEGUN, PATH
from ingest.http.problem_pages import ProblemPages
from ingest.http.problems import ProblemError
from ingest.http.request_ids import HEADER as REQUEST_ID
from ingest.http.request_ids import give_id, share_id
from schemas import monitor

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
KEEP_ALIVE_S: Final = 75.0
"""Between two posts of a connection; more than load balancers keep theirs, so that none posts into a closed one."""


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


class Server(web.Server):
    """Makes the connections, with `begin` for posts; `stopping` tells whether answers should end them."""

    def __init__(
        self,
        handler: Handler,
        begin: Begin | None,
        stopping: Callable[[], bool],
    ) -> None:
        super().__init__(handler, access_log=None, auto_decompress=False, keepalive_timeout=KEEP_ALIVE_S)
        self._begin, self._stopping = begin, stopping

    def __call__(self) -> web.RequestHandler:
        """Return a new connection."""
        return Connection(self, self._begin, self._stopping, loop=self._loop, **self._kwargs)

    def _make_request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: web.RequestHandler,
        writer: AbstractStreamWriter,
        task: asyncio.Task[None],
    ) -> web.BaseRequest:
        request = super()._make_request(message, payload, protocol, writer, task)
        assert isinstance(protocol, Connection)
        begun, protocol.begun = protocol.begun, None
        if begun is not None:
            request[BEGUN] = begun
            share_id(request, begun.request)
        return request


def runner(
    handler: Handler,
    shutdown_timeout_s: float,
    begin: Begin | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> web.ServerRunner:
    """Return the runner to listen with; `begin` is first offered what may be a post.

    Bodies are left as sent: decompression is bounded by our own limit.
    """
    return web.ServerRunner(Server(handler, begin, stopping), shutdown_timeout=shutdown_timeout_s)


def _not_allowed(request: web.BaseRequest, allowed: str) -> web.Response:
    return ProblemError(
        405,
        "edge.method_not_allowed",
        f"{request.method} is not allowed here; allowed: {allowed}.",
        {"allowed": allowed.split(",")},
        {"Allow": allowed},
    ).response()
