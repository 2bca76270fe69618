"""The watcher's composition root: `python -m workers watch`. Start two: one is active, the other takes over."""

from __future__ import annotations

import asyncio
import signal
import uuid
from collections.abc import Coroutine, Sequence
from typing import Any

import structlog
from aiohttp import ClientSession, web
from prometheus_client import REGISTRY

from schemas import monitor
from schemas.settings import Settings, process_name
from schemas.tasks import end_tasks
from workers.amqp.broker import Broker
from workers.amqp.nodes import Nodes
from workers.clock import Clock
from workers.duties.duty import Duty
from workers.health import Health
from workers.watch.canary import Canary
from workers.watch.export import Exporter
from workers.watch.queues import Queues
from workers.watch.watcher import Watcher

WATCH_DUTY, CANARY_DUTY = 20, 21
_log = structlog.get_logger()


async def main(settings: Settings) -> int:
    """Watch until SIGTERM or SIGINT (0); 1 when a part dies."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return await serve(settings, stop)


async def serve(settings: Settings, stop: asyncio.Event) -> int:
    """Watch until `stop` is set."""
    health, clock, us = Health(), Clock(), uuid.uuid4()
    exporter = Exporter(clock.monotonic)
    broker = Broker(settings, process_name("watch"), health, clock)
    REGISTRY.register(exporter)
    runner = web.AppRunner(monitor.application(alive=lambda: None, ready=health.ready), access_log=None)
    try:
        async with ClientSession() as http:
            sources = Queues(broker), Nodes(http, settings)
            duties = [Duty(WATCH_DUTY, "watch", Watcher(settings, sources, exporter, clock).serve)]
            if settings.edge_url:
                duties.append(Duty(CANARY_DUTY, "canary", Canary(settings, http, exporter, clock).serve))
            await _listen(runner, settings, us)
            return await _run([duty.run(settings, us, health) for duty in duties], stop)
    finally:
        REGISTRY.unregister(exporter)
        await broker.close()
        await runner.cleanup()


async def _listen(runner: web.AppRunner, settings: Settings, us: uuid.UUID) -> None:
    await runner.setup()
    await web.TCPSite(runner, settings.monitor_host, settings.monitor_port).start()
    host, port, *_ = runner.addresses[0]
    _log.info("listening", monitor=f"http://{host}:{port}", watcher=str(us))


async def _run(parts: Sequence[Coroutine[Any, Any, None]], stop: asyncio.Event) -> int:
    tasks = [asyncio.create_task(part) for part in parts]
    stopped = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait((stopped, *tasks), return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopped}:
            _log.error("part_died", error=repr(task.exception()), exc_info=task.exception())
            return 1
        return 0
    finally:
        await end_tasks((stopped, *tasks))
