"""A real broker's Prometheus plugin: members, leader and alarms of our queues, and what they hold."""

from __future__ import annotations

import asyncio

import aiormq
from aiohttp import ClientSession

from schemas import metrics
from schemas.division import Division
from schemas.topology import shard_queue
from workers.amqp.nodes import Nodes
from workers.watch.lateness import Queue
from workers.watch.members import look_at_nodes


async def test_members_leaders_alarms_and_batches_are_those_of_a_live_broker(settings, rabbitmq, plugin, until):
    changed = settings.model_copy(update={"shards": 2, "rabbitmq_metrics_urls": (plugin,)})
    node = plugin.rpartition("//")[2]
    async with aiormq.connect(settings.amqp) as connection:
        channel = await connection.channel()
        for shard in range(2):
            await channel.queue_declare(shard_queue(shard), durable=True, arguments={"x-queue-type": "quorum"})
        await channel.basic_publish(b"a batch", routing_key=shard_queue(1))
        async with ClientSession() as http:
            nodes = Nodes(http, changed)

            async def told():
                seeing, queues = await look_at_nodes(nodes, Division(2))
                return (
                    queues,
                    seeing[metrics.SHARD_MEMBERS],
                    {labels for labels, _ in seeing[metrics.SHARD_LEADER]},
                    alarms(seeing),
                )

            async def is_told(expected):
                try:
                    await until(lambda: equal(expected, told), "what the queues hold")
                except AssertionError:
                    assert expected == await told()

            queues = {0: Queue(0, 0), 1: Queue(1, 0)}
            members, leaders = [(("0",), 1.0), (("1",), 1.0)], {("0", node), ("1", node)}
            await is_told((queues, members, leaders, {"memory": 0.0, "disk": 0.0, "files": 0.0}))

            alarm = "{{resource_limit, memory, node()}, []}"
            await asyncio.to_thread(rabbitmq.evaluate, f"rabbit_alarm:set_alarm({alarm})")
            try:
                await is_told((queues, members, leaders, {"memory": 1.0, "disk": 0.0, "files": 0.0}))
            finally:
                cleared = "rabbit_alarm:clear_alarm({resource_limit, memory, node()})"
                await asyncio.to_thread(rabbitmq.evaluate, cleared)


async def equal(expected, told):
    return expected == await told()


def alarms(seeing):
    return {alarm: value for (_, alarm), value in seeing[metrics.BROKER_ALARMS]}
