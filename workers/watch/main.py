"""The watcher's composition root: `python -m workers watch`. Start two: one is active, the other takes over."""

from __future__ import annotations

import asyncio
import uuid

from aiohttp import ClientSession
from prometheus_client import REGISTRY

from schemas.settings import Settings, process_name
from schemas.tasks import end_tasks, set_by_signals
from workers.amqp.broker import Broker
from workers.amqp.nodes import Nodes
from workers.clock import Clock
from workers.duties.duty import Duty
from workers.health import Health
from workers.process import monitored, until_stop_or_death
from workers.watch.canary import Canary
from workers.watch.export import Exporter
from workers.watch.queues import Queues
from workers.watch.watcher import Watcher

WATCH_DUTY, CANARY_DUTY = 20, 21


async def main(settings: Settings) -> int:
    """Watch until SIGTERM or SIGINT (0); 1 when a part dies."""
    stop = asyncio.Event()
    set_by_signals(stop)
    return await serve(settings, stop)


async def serve(settings: Settings, stop: asyncio.Event) -> int:
    """Watch until `stop` is set."""
    health, clock, us = Health(), Clock(), uuid.uuid4()
    exporter = Exporter(clock.monotonic)
    broker = Broker(settings, process_name("watch"), health, clock)
    REGISTRY.register(exporter)
    try:
        async with (
            monitored(settings, alive=lambda: None, ready=health.ready, watcher=str(us)),
            ClientSession() as http,
        ):
            sources = Queues(broker), Nodes(http, settings)
            duties = [Duty(WATCH_DUTY, "watch", Watcher(settings, sources, exporter, clock).serve)]
            if settings.edge_url:
                duties.append(Duty(CANARY_DUTY, "canary", Canary(settings, http, exporter, clock).serve))
            parts = [asyncio.create_task(duty.run(settings, us, health), name=duty.name) for duty in duties]
            try:
                return await until_stop_or_death(stop, parts)
            finally:
                await end_tasks(parts)
    finally:
        REGISTRY.unregister(exporter)
        await broker.close()
