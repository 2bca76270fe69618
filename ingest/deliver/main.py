"""The deliverer's composition root: `python -m ingest deliver`. Any number of them share the endpoints."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from ingest.deliver.deliverer import Deliverer, Way
from ingest.deliver.exchange import Exchange
from ingest.deliver.webhooks import Webhooks, session
from ingest.http.serving import announce, monitored, stop_signals
from ingest.pull.fetch.guard import Guard
from schemas.postgres import Session
from schemas.secrets import Vault
from schemas.settings import Settings, process_name

_POOL_SIZE = 10
_TIMEOUT_S = 30.0


async def main(settings: Settings) -> None:
    """Deliver until SIGTERM or SIGINT."""
    stop = stop_signals()
    async with (
        deliverer(settings) as opened,
        monitored(settings, alive=lambda: None, ready=lambda: "stopping" if stop.is_set() else None) as url,
    ):
        announce(monitor=url)
        await opened.run(stop)


@asynccontextmanager
async def deliverer(
    settings: Settings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> AsyncIterator[Deliverer]:
    """Open what a deliverer needs; it starts while Postgres or the broker is away."""
    exchange = Exchange(settings.amqp, process_name("deliver"))
    sessions = Session(process_name("deliver"), {"plan_cache_mode": "force_custom_plan"})
    pool = sessions.pool(settings.dsn, most=_POOL_SIZE, command_timeout=_TIMEOUT_S)
    async with pool, session(Guard(settings.pull_allow_networks)) as opened:
        ways: dict[str, Way] = {"webhook": Webhooks(opened, Vault(*settings.keys)), "queue": exchange}
        try:
            yield Deliverer(pool, ways, clock)
        finally:
            await asyncio.shield(exchange.close())
