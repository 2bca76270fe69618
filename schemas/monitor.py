"""The three questions every process answers: alive, ready, and how much.

`/healthz` is 200 while the process does its work (a watchdog's view), `/readyz` while it can take new work,
`/metrics` is Prometheus text. This makes the aiohttp application; a composition root binds it to a socket.
"""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

Probe = Callable[[], str | None]
"""Returns None when all is well, or one line that says what is not."""


def add_routes(app: web.Application, *, alive: Probe, ready: Probe) -> None:
    """Add `/healthz`, `/readyz` and `/metrics` to an application."""

    def answer(probe: Probe) -> web.Response:
        trouble = probe()
        return web.json_response({"status": trouble or "ok"}, status=503 if trouble else 200)

    async def healthz(_: web.Request) -> web.Response:
        return answer(alive)

    async def readyz(_: web.Request) -> web.Response:
        return answer(ready)

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)


def application(*, alive: Probe, ready: Probe) -> web.Application:
    """Return an application with just the three routes."""
    app = web.Application()
    add_routes(app, alive=alive, ready=ready)
    return app
