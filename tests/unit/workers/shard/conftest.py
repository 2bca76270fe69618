"""A pump to be tried."""

from __future__ import annotations

import asyncio

import pytest

from tests.unit.workers.shard.rig import Rig


@pytest.fixture
async def rig():
    rig = Rig()
    yield rig
    rig.task.cancel()
    await asyncio.gather(rig.task, return_exceptions=True)
