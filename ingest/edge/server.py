"""The edge's HTTP server: one hot path and the load balancer's two, dispatched by hand.

aiohttp's low-level server without router and application: measured 12 % less work a post.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from ingest.edge.connection import Begin, Server
from ingest.edge.post import PATH
from ingest.http.problem_pages import ProblemPages
from ingest.http.problems import ProblemError
from ingest.http.request_ids import HEADER as REQUEST_ID
from ingest.http.request_ids import give_id
from schemas import monitor

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


def runner(
    handler: Handler,
    shutdown_timeout_s: float,
    begin: Begin | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> web.ServerRunner:
    """Return the runner to listen with; `begin` is first offered what came whole.

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
