"""The API's composition root: opens its sockets, serves until told to stop, drains."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine

import structlog
from aiohttp import web

from ingest.api.app import application
from ingest.api.call import SERVICES
from schemas import monitor
from schemas.settings import Settings

_log = structlog.get_logger()


async def main(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; requests in hand get `STOP_TIMEOUT_MS` to finish.

    Raises `Permanent` when the broker's topology turns out to be unsafe.
    """
    app = application(settings)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=settings.stop_timeout_ms / 1000)
    await runner.setup()
    publisher = app[SERVICES].publisher
    probes = web.AppRunner(monitor.application(alive=lambda: None, ready=publisher.ready), access_log=None)
    await probes.setup()
    try:
        api = web.TCPSite(runner, settings.host, settings.api_port)
        side = web.TCPSite(probes, settings.monitor_host, settings.monitor_port)
        await api.start()
        await side.start()
        _log.info("listening", api=_addresses(runner), monitor=_addresses(probes))
        await _until_told(publisher.watch())
        _log.info("stopping")
    finally:
        await runner.cleanup()
        await probes.cleanup()
        _log.info("stopped")


async def _until_told(background: Coroutine[None, None, None]) -> None:
    """Wait for a signal to stop; raises what ends the background task first."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    tasks = {asyncio.create_task(background), asyncio.create_task(told.wait())}
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    for task in done:
        task.result()


def _addresses(runner: web.AppRunner) -> list[str]:
    return [f"http://{address[0]}:{address[1]}" for address in runner.addresses]
