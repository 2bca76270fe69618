"""What RabbitMQ says of the shard queues: over AMQP always, from its Prometheus plugin where its nodes are named."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog
from aiohttp import ClientError, ClientSession, ClientTimeout
from aiormq.abc import AbstractChannel
from aiormq.exceptions import ChannelNotFoundEntity
from prometheus_client.parser import text_string_to_metric_families

from schemas.amqp.tap import AWAY
from schemas.metrics import BROKER_ALARMS, BROKER_NODES, SHARD_LEADER, SHARD_MEMBERS
from schemas.topology import shard_queue
from workers.amqp.broker import Broker
from workers.watch.export import Sample, Seeing
from workers.watch.shards import Queue

_ASK_S = 5.0
_FAMILIES = ("queue_coarse_metrics", "ra_metrics")
_ALARMS = {
    "rabbitmq_alarms_memory_used_watermark": "memory",
    "rabbitmq_alarms_free_disk_space_watermark": "disk",
    "rabbitmq_alarms_file_descriptor_limit": "files",
}
_log = structlog.get_logger()


class Queues:
    """Asks for every shard's queue over one channel."""

    def __init__(self, broker: Broker, shards: int) -> None:
        self._broker = broker
        self._shards = shards
        self._channel: AbstractChannel | None = None

    async def look(self) -> dict[int, Queue] | None:
        """Return what each shard's queue holds (one that is gone: nothing, of nobody); None while RabbitMQ is away."""
        try:
            async with asyncio.timeout(_ASK_S):
                return {shard: await self._of(shard) for shard in range(self._shards)}
        except AWAY as error:
            _log.warning("broker_not_seen", error=f"{type(error).__name__}: {error}")
            return None

    async def _of(self, shard: int) -> Queue:
        if self._channel is None or self._channel.is_closed:
            self._channel = await self._broker.channel()
        try:
            found = await self._channel.queue_declare(shard_queue(shard), passive=True)
        except ChannelNotFoundEntity:
            return Queue(0, 0)
        return Queue(found.message_count or 0, found.consumer_count or 0)


class Nodes:
    """Asks every node's Prometheus plugin for what AMQP does not tell.

    Each node tells of the members that it holds, and of a queue's messages if it leads it
    (https://github.com/rabbitmq/rabbitmq-server/issues/12021): so who tells is what there is to know.
    """

    def __init__(self, http: ClientSession, urls: Sequence[str], shards: int) -> None:
        self._http = http
        self._urls = urls
        self._shards = {shard_queue(shard): str(shard) for shard in range(shards)}

    async def look(self) -> Seeing:
        """Return members and leader of each shard, and the alarms, as far as nodes answer."""
        if not self._urls:
            return {}
        members = dict.fromkeys(self._shards.values(), 0)
        leaders: list[Sample] = []
        alarms: list[Sample] = []
        for url, answers in zip(self._urls, await asyncio.gather(*map(self._ask, self._urls)), strict=True):
            if answers is not None:
                node = url.rpartition("//")[2]
                held, led, raised = told(answers)
                for queue in held & self._shards.keys():
                    members[self._shards[queue]] += 1
                leaders += [((self._shards[queue], node), 1.0) for queue in led & self._shards.keys()]
                alarms += [((node, alarm), value) for alarm, value in raised.items()]
        return {
            BROKER_NODES: [((), float(len(self._urls)))],
            SHARD_MEMBERS: [((shard,), float(count)) for shard, count in members.items()],
            SHARD_LEADER: leaders,
            BROKER_ALARMS: alarms,
        }

    async def _ask(self, url: str) -> str | None:
        families = "&".join(f"family={family}" for family in _FAMILIES)
        try:
            texts = []
            for path in (f"/metrics/detailed?{families}", "/metrics"):
                async with self._http.get(url + path, timeout=ClientTimeout(total=_ASK_S)) as response:
                    response.raise_for_status()
                    texts.append(await response.text())
        except (ClientError, TimeoutError) as error:
            _log.warning("node_not_seen", node=url, error=f"{type(error).__name__}: {error}")
            return None
        return "\n".join(texts)


def told(text: str) -> tuple[set[str], set[str], dict[str, float]]:
    """Return what one node tells in its metrics: queues that it has a member of, queues that it leads, its alarms."""
    held: set[str] = set()
    led: set[str] = set()
    alarms: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            queue = sample.labels.get("queue")
            if queue is not None and sample.name.startswith("rabbitmq_detailed_raft_"):
                held.add(queue)
            elif queue is not None and sample.name == "rabbitmq_detailed_queue_messages_ready":
                led.add(queue)
            elif sample.name in _ALARMS:
                alarms[_ALARMS[sample.name]] = sample.value
    return held, led, alarms
