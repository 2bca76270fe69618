"""A primary and a synchronous standby under Patroni: the primary's host dies, and Patroni switches over, under load."""

from __future__ import annotations

import asyncio

from tests.fleet.databases import PATIENCE_S


async def test_the_primary_dies_with_its_patroni(fleet, trial):
    async with trial() as measure:
        victim = fleet.databases.primary()
        await asyncio.to_thread(victim.kill)
        await measure("Postgres' primary and its Patroni: kill -9", "commits ≤ 30 s")
        assert fleet.databases.primary() is not victim
        await asyncio.to_thread(victim.start, PATIENCE_S)


async def test_patroni_switches_over(fleet, trial):
    async with trial() as measure:
        await asyncio.to_thread(fleet.databases.switch_over)
        await measure("Patroni switches over", "commits ≤ 30 s")
