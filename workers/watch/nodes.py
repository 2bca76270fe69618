"""What RabbitMQ's nodes say of the shard queues in their Prometheus plugin, where RABBITMQ_METRICS_URLS names them.

AMQP does not tell who holds and leads a queue, nor of alarms. Each node tells of the members that it holds, and of a
queue's messages if it leads it (https://github.com/rabbitmq/rabbitmq-server/issues/12021): so who tells is what is to
be known. Queues of other virtual hosts, other fleets perhaps, have the same names and are passed over.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

import structlog
from aiohttp import ClientError, ClientSession, ClientTimeout
from prometheus_client.parser import text_string_to_metric_families
from yarl import URL

from schemas.addresses import brokers
from schemas.division import Division
from schemas.metrics import BROKER_ALARMS, BROKER_NODES, SHARD_LEADER, SHARD_MEMBERS
from schemas.settings import Settings
from schemas.topology import shard_queue
from workers.watch.export import Seeing
from workers.watch.shards import Queue

_ASK_S = 5.0
_FAMILIES = ("queue_coarse_metrics", "queue_consumer_count", "ra_metrics")
_ALARMS = {
    "rabbitmq_alarms_memory_used_watermark": "memory",
    "rabbitmq_alarms_free_disk_space_watermark": "disk",
    "rabbitmq_alarms_file_descriptor_limit": "files",
}
_log = structlog.get_logger()


@dataclass(slots=True)
class Told:
    """What one node tells: queues that it holds a member of, those that it leads with what they hold, its alarms."""

    held: set[str] = field(default_factory=set)
    ready: dict[str, int] = field(default_factory=dict)
    consumers: dict[str, int] = field(default_factory=dict)
    alarms: dict[str, float] = field(default_factory=dict)


class Nodes:
    """Asks every node."""

    def __init__(self, http: ClientSession, settings: Settings) -> None:
        self._http = http
        self._urls = settings.rabbitmq_metrics_urls
        self._vhost = vhost_of(settings.amqp)
        self._silent: set[str] = set()

    async def look(self, division: Division) -> tuple[Seeing, dict[int, Queue] | None]:
        """Return members and leader of each shard, and the alarms, as far as nodes answer; and what the queues hold.

        The latter only if every queue's leader told. Nothing where no node answers: then AMQP is all that there is.
        """
        told = dict(zip(self._urls, await asyncio.gather(*map(self._ask, self._urls)), strict=True))
        answers = {url.rpartition("//")[2]: one for url, one in told.items() if one is not None}
        if not answers:
            return {}, None
        shards = {shard_queue(shard): shard for shard in division.open}
        return self._seeing(answers, shards), _queues(list(answers.values()), shards)

    def _seeing(self, answers: dict[str, Told], shards: dict[str, int]) -> Seeing:
        members = Counter(queue for one in answers.values() for queue in one.held)
        return {
            BROKER_NODES: [((), float(len(self._urls)))],
            SHARD_MEMBERS: [((str(shard),), float(members[queue])) for queue, shard in shards.items()],
            SHARD_LEADER: [
                ((str(shards[queue]), node), 1.0)
                for node, one in answers.items()
                for queue in one.ready.keys() & shards.keys()
            ],
            BROKER_ALARMS: [
                ((node, alarm), value) for node, one in answers.items() for alarm, value in one.alarms.items()
            ],
        }

    async def _ask(self, url: str) -> Told | None:
        families = "&".join(f"family={family}" for family in _FAMILIES)
        try:
            texts = []
            for path in (f"/metrics/detailed?vhost={quote(self._vhost, safe='')}&{families}", "/metrics"):
                address = URL(url + path, encoded=True)
                async with self._http.get(address, timeout=ClientTimeout(total=_ASK_S)) as response:
                    response.raise_for_status()
                    texts.append(await response.text())
        except (ClientError, TimeoutError) as error:
            if url not in self._silent:  # once: who may not ask need not read it every few seconds
                _log.warning("node_not_seen", node=url, error=f"{type(error).__name__}: {error}")
                self._silent.add(url)
            return None
        self._silent.discard(url)
        return told("\n".join(texts), self._vhost)


def _queues(answers: Sequence[Told], shards: dict[str, int]) -> dict[int, Queue] | None:
    ready = {queue: count for one in answers for queue, count in one.ready.items()}
    consumers = Counter[str]()
    for one in answers:
        consumers.update(one.consumers)
    if shards.keys() - ready.keys():
        return None
    return {shard: Queue(ready[queue], consumers[queue]) for queue, shard in shards.items()}


def vhost_of(address: str) -> str:
    """Return the virtual host of an AMQP address, or of several by commas, which have the same."""
    return URL(brokers(address)[0]).path[1:] or "/"


def told(text: str, vhost: str) -> Told:
    """Return what one node tells in its metrics of the queues of a virtual host."""
    found = Told()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            name, queue = sample.name, sample.labels.get("queue")
            if name in _ALARMS:
                found.alarms[_ALARMS[name]] = sample.value
            elif queue is None or sample.labels.get("vhost") != vhost:
                continue
            elif name.startswith("rabbitmq_detailed_raft_"):
                found.held.add(queue)
            elif name == "rabbitmq_detailed_queue_messages_ready":
                found.ready[queue] = int(sample.value)
            elif name == "rabbitmq_detailed_queue_consumers":
                found.consumers[queue] = int(sample.value)
    return found
