"""A deliverer outlives a Postgres that is away, whatever asyncpg calls it."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from ingest.deliver import deliverer


class Pool:
    """A pool that gets no connection; at the second attempt the deliverer is told to stop."""

    def __init__(self, error, stop):
        self.error, self.stop, self.asked = error, stop, 0

    async def acquire(self):
        self.asked += 1
        if self.asked == 2:
            self.stop.set()
        raise self.error


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.TargetServerAttributeNotMatched("None of the hosts match: there are standbys alone"),
        asyncpg.CannotConnectNowError("the database system is starting up"),
        asyncpg.InterfaceError("connection is closed"),
        ConnectionRefusedError(),
        TimeoutError(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_deliverer_looks_again_when_postgres_is_away(error, monkeypatch):
    monkeypatch.setattr(deliverer, "LOOK_S", 0.001)
    stop = asyncio.Event()
    pool = Pool(error, stop)

    await deliverer.Deliverer(pool, {}).run(stop)

    assert 2 == pool.asked
