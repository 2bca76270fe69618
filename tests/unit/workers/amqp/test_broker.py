"""Opening channels, without a broker."""

from __future__ import annotations

import asyncio

import pytest

from schemas.settings import Settings
from workers.amqp.broker import Broker
from workers.clock import Clock
from workers.health import Health

SETTINGS = Settings(database_url="postgresql://localhost/x", amqp_url="amqp://localhost/x", secret_key="k" * 32)


async def test_a_cancellation_that_the_library_turns_into_an_error_still_cancels():
    broker = Broker(SETTINGS, "test", Health(), Clock())
    begun = asyncio.Event()

    async def opened():
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise RuntimeError("closed") from None

    broker._opened = opened
    opening = asyncio.create_task(broker.channel())
    await begun.wait()
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(asyncio.shield(opening), 60)
    assert opening.cancelled()
