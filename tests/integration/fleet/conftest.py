"""A fleet on a database and a vhost of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from ingest.amqp.publish import Publisher
from tests.fleets import SEED, Fleet


@pytest.fixture
async def fleet(settings, warm) -> AsyncIterator[Fleet]:
    """A seeded database and vhost, and a publisher; start workers with `fleet.worker()`."""
    changed = {"shards": 4, "window_max_batches": 8, "heartbeat_ms": 200, "queue_delivery_limit": 20}
    settings = settings.model_copy(update=changed)
    connection = await asyncpg.connect(settings.dsn)
    await connection.execute(SEED)
    await connection.close()
    async with Publisher(settings, "test") as publisher:
        found = Fleet(settings, publisher, warm)
        yield found
        await found.close()


@pytest.fixture
async def connection(fleet) -> AsyncIterator[asyncpg.Connection]:
    """A connection to the fleet's database: account 1, feeds 1 to 8."""
    connection = await asyncpg.connect(fleet.settings.dsn)
    yield connection
    await connection.close()
