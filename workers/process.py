"""What the composition roots of this side share: the monitor's port, the signals to stop, and who dies first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiohttp import web

from schemas import monitor
from schemas.logs import structlog
from schemas.settings import Settings

_log = structlog.get_logger()


@asynccontextmanager
async def monitored(
    settings: Settings, *, alive: monitor.Probe, ready: monitor.Probe, **who: str
) -> AsyncIterator[None]:
    """Serve /healthz, /readyz and /metrics meanwhile, and log where; `who` says whose they are."""
    runner = web.AppRunner(monitor.application(alive=alive, ready=ready), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.monitor_host, settings.monitor_port).start()
        _log.info("listening", monitor=monitor.url_of(runner), **who)
        yield
    finally:
        await runner.cleanup()


async def until_stop_or_death(stop: asyncio.Event, parts: Sequence[asyncio.Task[None]]) -> int:
    """Wait until `stop` is set (0), or until a part ends before it is told to, which takes the process with it (1)."""
    stopped = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait((stopped, *parts), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
    for part in parts:
        if part in done:
            error = part.exception()
            _log.error("part_died", part=part.get_name(), error=repr(error), exc_info=error)
            return 1
    return 0
