"""What one worker at a time does: whoever holds the duty's advisory lock, until it stops or its connection breaks.

The others ask for the lock now and then. They do not wait for it in Postgres, because a waiting statement holds a
snapshot, and vacuum could not clean up behind it.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable

import asyncpg

from schemas.backoff import Backoff
from schemas.logs import structlog
from schemas.settings import Settings
from workers import database
from workers.health import Health
from workers.shard.lock import LOCK, connection_name

DUTY_SPACE = 0x64757479
"""The first key of a duty's advisory lock ("duty"); the second is its number."""
POLL_S = 2.0
_log = structlog.get_logger()

Serve = Callable[[asyncpg.Connection], Awaitable[None]]
"""Serves for as long as it may; the connection holds the lock and is free to use."""


class Duty:
    """One duty of one worker."""

    def __init__(self, number: int, name: str, serve: Serve) -> None:
        self._number = number
        self.name = name
        self._serve = serve

    async def run(self, settings: Settings, worker_id: uuid.UUID, health: Health) -> None:
        """Do the duty whenever it is ours; raises what `serve` raises beside Postgres being away."""
        backoff = Backoff()
        while True:
            connection: asyncpg.Connection | None = None
            try:
                with database.reaching():
                    connection = await database.open_connection(settings.dsn, connection_name(worker_id, self.name))
                    health.well("postgres", self.name)
                    backoff.reset()
                    lock = {"space": DUTY_SPACE, "key": self._number}
                    while not await LOCK.try_lock(connection, **lock):  # noqa: ASYNC110 - see above
                        await asyncio.sleep(POLL_S)
                    _log.info("duty_begins", duty=self.name)
                    await self._serve(connection)
            except database.Away as error:
                health.trouble("postgres", self.name, error)
            finally:
                if connection is not None:
                    connection.terminate()
            await asyncio.sleep(backoff.delay())
