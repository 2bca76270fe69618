"""What the composition roots of the way in share: listen, serve the monitor, run until told to stop or a task dies."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from aiohttp import web

from schemas import monitor
from schemas.logs import structlog
from schemas.settings import Settings
from schemas.tasks import end_tasks, set_by_signals

_log = structlog.get_logger()
_BACKLOG = 1_024


@contextlib.asynccontextmanager
async def listening(runner: web.BaseRunner, host: str, port: int, *, reuse_port: bool = False) -> AsyncIterator[str]:
    """Serve on an address and give its URL; afterwards stop accepting, finish what is in flight, close.

    `reuse_port` lets several processes share the port (SO_REUSEPORT). The runner's `shutdown_timeout` bounds the end.
    """
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, reuse_port=reuse_port or None, backlog=_BACKLOG).start()
        yield monitor.url_of(runner)
    finally:
        await runner.cleanup()


async def end_after_chunks(request: web.BaseRequest, response: web.StreamResponse) -> None:
    """End the connection with the answer to a chunked request.

    aiohttp's parser may take a trailer field of it for a header of the next request, whoever sends that
    (`ingest/edge/chunks.py` has the whole of it); few requests but the webhook's are chunked.
    """
    if "Transfer-Encoding" in request.headers:
        response.force_close()
        response.headers["Connection"] = "close"


@contextlib.asynccontextmanager
async def monitored(settings: Settings, *, alive: monitor.Probe, ready: monitor.Probe) -> AsyncIterator[str]:
    """Serve the monitor on its own address and give its URL."""
    runner = web.AppRunner(monitor.application(alive=alive, ready=ready), access_log=None, shutdown_timeout=1)
    async with listening(runner, settings.monitor_host, settings.monitor_port) as url:
        yield url


def collect_seldom() -> None:
    """Look for cycles among what is made from here on alone, and seldom.

    A whole collection of an API process looks at 105,000 objects of modules, models and templates that stay, which
    takes some 60 ms, in the middle of whatever request it falls into; of what requests make, few are cycles.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def announce(**addresses: str) -> None:
    """Log the one event that says where this process listens."""
    _log.info("listening", host=socket.gethostname(), **addresses)


def stop_signals() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    set_by_signals(stop)
    return stop


async def run_until(stop: asyncio.Event, *duties: Coroutine[Any, Any, None], delay_s: float = 0.0) -> None:
    """Run duties that never end until `stop` is set and `delay_s` longer: load balancers see that readiness fell.

    Raises what one of them raises, and RuntimeError when one ends.
    """
    tasks = {asyncio.create_task(duty, name=getattr(duty, "__qualname__", "duty")) for duty in duties}
    stopped = asyncio.create_task(_told(stop, delay_s))
    try:
        done, _ = await asyncio.wait({*tasks, stopped}, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopped}:
            task.result()
            raise RuntimeError(f"{task.get_name()} ended")
    finally:
        await end_tasks((*tasks, stopped))


async def _told(stop: asyncio.Event, delay_s: float) -> None:
    await stop.wait()
    await asyncio.sleep(delay_s)
