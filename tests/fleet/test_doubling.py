"""The shards are doubled on a cluster of three brokers: one broker and two workers are killed meanwhile, under load."""

from __future__ import annotations

import asyncio
import time

import asyncpg
import pytest
from click.testing import CliRunner

from deploy.command.main import main
from ingest.amqp.publish import Publisher
from tests import fleets
from tests.fleet.cluster import BOOT_S
from tests.fleet.model import Model


@pytest.fixture
def settings(clustered):
    return clustered


def feedline(settings, *words):
    return CliRunner().invoke(main, words, env={"DATABASE_URL": settings.dsn}).output


async def test_shards_are_doubled_though_a_broker_and_the_workers_that_do_it_are_killed(
    cluster, settings, monkeypatch, tell
):
    monkeypatch.setattr(fleets, "TIMEOUT_S", BOOT_S)
    connection = await asyncpg.connect(settings.dsn)
    await connection.execute(fleets.SEED)
    await connection.close()
    async with Publisher(settings, "test") as publisher:
        model = Model(settings, publisher)
        await cluster.whole()
        async with model.worker() as one, model.worker() as other, model.worker() as third:
            async with model.posting(0.05):
                await model.progress()
                began_at = time.monotonic()
                await asyncio.to_thread(feedline, settings, "shards", "double", "--no-wait")
                leader = await fleets.first_of([one, other, third], "doubling", step="bind")
                await leader.kill()
                victim = cluster.busiest()
                await asyncio.to_thread(victim.kill)
                left = [worker for worker in (one, other, third) if worker is not leader]
                leader = await fleets.first_of(left, "doubling", step="mark")
                await leader.kill()
                told = await asyncio.to_thread(feedline, settings, "shards", "double")
                assert told.endswith("12 shards, all of them consumed\n")
                tell(f"doubled to 12 in {time.monotonic() - began_at:.2f} s, a broker and two workers killed;")
                tell(f"  longest gap of confirms {model.longest_gap_s(began_at):.2f} s")
                await asyncio.to_thread(victim.start, BOOT_S)
                await cluster.whole()
                await model.progress()
            await model.settled()
        tell(f"{len(model.sent)} batches confirmed, each applied once, in order")
