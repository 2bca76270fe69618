"""A fleet on a database and a vhost of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from ingest.amqp.publish import Publisher
from tests.fleets import SEED, Fleet
from tests.vhosts import VirtualHosts

_QUEUES = {"shards": 4, "queue_delivery_limit": 20}


@pytest.fixture(scope="session")
def _four_shards(rabbitmq) -> VirtualHosts:
    return VirtualHosts(rabbitmq, **_QUEUES)


@pytest.fixture
async def amqp_url(_four_shards) -> AsyncIterator[str]:
    """The address of a virtual host whose four shards stand already, empty."""
    url = await _four_shards.take()
    yield url
    _four_shards.give_back(url)


@pytest.fixture
async def fleet(settings, warm) -> AsyncIterator[Fleet]:
    """A seeded database and vhost, and a publisher; start workers with `fleet.worker()`."""
    settings = settings.model_copy(update={**_QUEUES, "window_max_batches": 8, "heartbeat_ms": 200})
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
