"""The API's composition root: opens its sockets, serves until told to stop, drains."""

from __future__ import annotations

import asyncio

from aiohttp import web

from ingest.api.app import STOPPING, application, ready
from ingest.api.framework.call import SERVICES
from ingest.api.health import HEALTH
from ingest.http.serving import announce, collect_seldom, listening, monitored, run_until, stop_signals
from schemas.settings import Settings

KEEP_ALIVE_S = 75.0
"""Of a connection that says nothing; more than load balancers keep theirs."""


async def main(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; raises `Permanent` when the live queues are unsafe."""
    app = application(settings)
    collect_seldom()
    await serve(app, settings, stop_signals())


async def serve(app: web.Application, settings: Settings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set, and `STOP_DELAY_MS` longer; requests in hand then get `STOP_TIMEOUT_MS` to finish."""

    def is_ready() -> str | None:
        return "stopping" if stop.is_set() else ready(app)

    app[STOPPING] = stop.is_set
    runner = web.AppRunner(
        app, access_log=None, shutdown_timeout=settings.stop_timeout_ms / 1000, keepalive_timeout=KEEP_ALIVE_S
    )
    async with (
        listening(runner, settings.host, settings.api_port) as url,
        monitored(settings, alive=lambda: None, ready=is_ready) as monitor_url,
    ):
        announce(url=url, monitor=monitor_url)
        services = app[SERVICES]
        duties = (services.publisher.watch(), services.replies.watch(), app[HEALTH].watch(services.pool))
        await run_until(stop, *duties, delay_s=settings.stop_delay_ms / 1000)
