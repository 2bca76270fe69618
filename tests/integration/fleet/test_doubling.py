"""The shards are doubled while senders send: nothing lost, nothing twice, order kept, whoever dies meanwhile."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace

import aiormq
import asyncpg
import pytest
from click.testing import CliRunner

from deploy.command.main import main
from deploy.command.shards import begin
from schemas.agreement import AGREEMENT, agree, division
from schemas.batches import Batch, Source, new_batch_id
from schemas.division import Division
from schemas.topology import shard_queue
from tests.worker import first_of
from workers.amqp.broker import Broker
from workers.amqp.outlet import Outlet
from workers.clock import Clock
from workers.duties import doubling
from workers.duties.doubling import Doubling
from workers.health import Health

PERSISTENT = aiormq.spec.Basic.Properties(delivery_mode=2)
QUICK = {"confirm_timeout_ms": 2_000}
"""END is sent a second later than that: nothing may be on its way for longer, on a busy machine either."""


def feedline(fleet, *arguments):
    """Run a command; returns its output."""
    return CliRunner().invoke(main, arguments, env={"DATABASE_URL": fleet.settings.dsn}).output


async def divided(fleet):
    connection = await asyncpg.connect(fleet.settings.dsn)
    try:
        told = await division(connection)
        in_sql = [await connection.fetchval("SELECT shard_of_feed($1)", feed) for feed in range(1, 99)]
        assert told is None or [told.shard_of(feed) for feed in range(1, 99)] == in_sql
        return told
    finally:
        await connection.close()


async def stray(fleet, feed, queue):
    """Publish a batch as the release before does: past the exchange, by the number of shards that it knows."""
    now_ms = int(time.time() * 1000)
    item = {"externalId": "stray", "inventoryQuantity": fleet.newest(feed)}
    batch = Batch(new_batch_id(feed, now_ms, fleet.settings.key), 1, feed, now_ms, Source.WEBHOOK, [item])
    async with aiormq.connect(fleet.settings.amqp) as connection:
        channel = await connection.channel()
        await channel.basic_publish(batch.encode(), routing_key=shard_queue(queue), properties=PERSISTENT)
    fleet.sent.append(batch)


async def test_the_shards_are_doubled_under_load_though_who_does_it_is_killed(fleet):
    assert "no process of the fleet has started yet" in await asyncio.to_thread(feedline, fleet, "shards", "double")
    async with fleet.worker(**QUICK) as one, fleet.worker(**QUICK) as other:
        async with fleet.posting():
            await one.event("assigned", workers=2)
            await fleet.progress()
            assert "" == await asyncio.to_thread(feedline, fleet, "shards", "double", "--no-wait")
            assert Division(8, frozenset(range(4, 8))) == await divided(fleet)
            leader = await first_of([one, other], "doubling", step="bind")
            await leader.kill()
            told = await asyncio.to_thread(feedline, fleet, "shards", "double")
            assert told.endswith("8 shards, all of them consumed\n")
            await fleet.progress()
        await stray(fleet, feed=5, queue=1)
        await fleet.settled()
        assert Division(8) == await divided(fleet)
        owned = await fleet.fetch("SELECT shard FROM shard_state WHERE since IS NOT NULL ORDER BY shard")
        assert list(range(8)) == [row["shard"] for row in owned]
        assert [8, 8] == [
            (await agree(fleet.settings.model_copy(update={"shards": shards}))).shards for shards in (4, 8)
        ]


class Killed(Exception):
    """The worker that doubles is no more: nothing after this is done."""


async def test_whoever_goes_on_with_a_doubling_may_do_each_step_again(fleet, monkeypatch):
    settings = await agree(fleet.settings.model_copy(update=QUICK))
    broker, connection = Broker(settings, "doubling", Health(), Clock()), await asyncpg.connect(settings.dsn)
    await connection.execute("INSERT INTO workers (id, host, pid, doubles) VALUES (gen_random_uuid(), 'h', 1, true)")
    try:
        await fleet.post_all(2)
        async with connection.transaction():
            await begin(connection)

        assert 4 == (await agree(settings)).shards  # who starts now leads a new slot to the parent

        async def go_on(step):
            await Doubling(settings, Outlet(broker, settings.shards, 5)).round(connection)
            return all([row[step] is not None async for row in AGREEMENT.splits(connection)])

        async def killed(*_, **__):
            raise Killed

        for note, step in (("bound", "bound_s"), ("marked", "marked_s")):
            with monkeypatch.context() as patch:
                patch.setattr(doubling, "DOUBLING", SimpleNamespace(**{note: killed}))
                with pytest.raises(Killed):
                    await fleet.until(lambda step=step: go_on(step), step)
            await fleet.until(lambda step=step: go_on(step), step)
            await fleet.post_all(2)
        assert Division(8, frozenset(range(4, 8))) == await division(connection)
        await connection.execute("DELETE FROM workers")
        async with fleet.worker():
            await fleet.settled()
            await fleet.until(lambda: finished(fleet), "the end of the doubling")
    finally:
        await connection.close()
        await broker.close()


async def finished(fleet):
    return Division(8) == await divided(fleet)
