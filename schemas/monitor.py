"""The three questions every process answers: alive, ready, and how much.

`/healthz` is 200 while the process does its work (a watchdog's view), `/readyz` while it can take new work,
`/metrics` is Prometheus text. This makes the aiohttp application; a composition root binds it to a socket. A port
that strangers reach gets `public_answers` alone: whether, but neither why nor how much.
"""

from __future__ import annotations

import asyncio
import platform
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib.metadata import version

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from schemas import metrics

LAG_EVERY_S = 0.25
"""How often the event loop is asked how late it is."""

Probe = Callable[[], str | None]
"""Returns None when all is well, or one line that says what is not."""


Answers = dict[str, Callable[[], web.Response]]
"""Paths, each with the function that answers it."""


def answers(*, alive: Probe, ready: Probe) -> Answers:
    """Return the three paths."""

    def metrics() -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return {"/healthz": lambda: _state(alive()), "/readyz": lambda: _state(ready()), "/metrics": metrics}


def public_answers(*, alive: Probe, ready: Probe) -> Answers:
    """Return the two paths that a load balancer asks on a public port."""

    def answer(probe: Probe) -> web.Response:
        return _state("unavailable" if probe() else None)

    return {"/healthz": lambda: answer(alive), "/readyz": lambda: answer(ready)}


def _state(trouble: str | None) -> web.Response:
    return web.json_response({"status": trouble or "ok"}, status=503 if trouble else 200)


def add_routes(app: web.Application, answers: Answers) -> None:
    """Add these paths to an application."""

    def handler(answer: Callable[[], web.Response]) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(_: web.Request) -> web.Response:
            return answer()

        return handle

    for path, answer in answers.items():
        app.router.add_get(path, handler(answer))


def application(*, alive: Probe, ready: Probe) -> web.Application:
    """Return an application with just the three routes; while it is served, the event loop's lag is measured."""
    app = web.Application()
    app.cleanup_ctx.append(_measured)
    add_routes(app, answers(alive=alive, ready=ready))
    return app


def url_of(runner: web.BaseRunner) -> str:
    """Return where a runner that is bound to a socket is reached."""
    host, port, *_ = runner.addresses[0]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _measured(_: web.Application) -> AsyncIterator[None]:
    metrics.BUILD.labels(version("feedline"), platform.python_version()).set(1)
    lag = LoopLag(asyncio.get_running_loop())
    yield
    lag.stop()


class LoopLag:
    """Measures how late the event loop runs a timer that is due: how long everything else waits for its turn."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._expect()

    def _expect(self) -> None:
        due = self._loop.time() + LAG_EVERY_S
        self._timer = self._loop.call_at(due, self._look, due)

    def _look(self, due: float) -> None:
        metrics.LOOP_LAG.observe(max(0.0, self._loop.time() - due))
        self._expect()

    def stop(self) -> None:
        """Measure no more."""
        self._timer.cancel()
