"""The three questions every process answers: alive, ready, and how much.

`/healthz` is 200 while the process does its work (a watchdog's view), `/readyz` while it can take new work,
`/metrics` is Prometheus text. This makes the aiohttp application; a composition root binds it to a socket.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

Probe = Callable[[], str | None]
"""Returns None when all is well, or one line that says what is not."""


def answers(*, alive: Probe, ready: Probe) -> dict[str, Callable[[], web.Response]]:
    """Return the three paths, each with the function that answers it."""

    def answer(probe: Probe) -> web.Response:
        trouble = probe()
        return web.json_response({"status": trouble or "ok"}, status=503 if trouble else 200)

    def metrics() -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return {"/healthz": lambda: answer(alive), "/readyz": lambda: answer(ready), "/metrics": metrics}


def add_routes(app: web.Application, *, alive: Probe, ready: Probe) -> None:
    """Add `/healthz`, `/readyz` and `/metrics` to an application."""

    def handler(answer: Callable[[], web.Response]) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(_: web.Request) -> web.Response:
            return answer()

        return handle

    for path, answer in answers(alive=alive, ready=ready).items():
        app.router.add_get(path, handler(answer))


def application(*, alive: Probe, ready: Probe) -> web.Application:
    """Return an application with just the three routes."""
    app = web.Application()
    add_routes(app, alive=alive, ready=ready)
    return app
