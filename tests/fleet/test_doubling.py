"""The shards are doubled; meanwhile the workers that do it and a broker are killed, under load."""

from __future__ import annotations

import asyncio
import time

from click.testing import CliRunner

from deploy.command.main import main
from tests import worker
from tests.fleet.cluster import BOOT_S


def feedline(fleet, *words):
    return CliRunner().invoke(main, words, env={"DATABASE_URL": fleet.settings.dsn}).output


async def first_of(roles, event, **values):
    """Wait until one of the processes has logged an event; returns that one."""
    told = await worker.first_of([role.running for role in roles], event, **values)
    return next(role for role in roles if role.running is told)


async def test_shards_are_doubled_though_a_broker_and_the_workers_that_do_it_are_killed(fleet, trial, tell):
    async with trial() as measure:
        began_at = time.monotonic()
        await asyncio.to_thread(feedline, fleet, "shards", "double", "--no-wait")
        first = await first_of(fleet.workers, "doubling", step="bind")
        await first.kill()
        broker = fleet.brokers.busiest()
        await asyncio.to_thread(broker.kill)
        second = await first_of([worker for worker in fleet.workers if worker is not first], "doubling", step="mark")
        await second.kill()
        told = await asyncio.to_thread(feedline, fleet, "shards", "double")
        assert told.endswith("12 shards, all of them consumed\n")
        tell(f"doubled in {time.monotonic() - began_at:.0f} s")
        await measure("6 shards doubled; meanwhile two workers and a broker: kill -9")
        await asyncio.to_thread(broker.start, BOOT_S)
        for worker in (first, second):
            await worker.start()
