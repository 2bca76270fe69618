"""What RabbitMQ's nodes say of our queues in their Prometheus plugin, where RABBITMQ_METRICS_URLS names them.

AMQP does not tell who holds and leads a queue, nor of alarms. Each node tells of the members that it holds, and of a
queue's messages if it leads it (https://github.com/rabbitmq/rabbitmq-server/issues/12021): so who tells is what is to
be known. Queues of other virtual hosts, other fleets perhaps, have the same names and are passed over.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import quote

from aiohttp import ClientError, ClientSession, ClientTimeout
from prometheus_client.parser import text_string_to_metric_families
from yarl import URL

from schemas.addresses import brokers
from schemas.division import Division
from schemas.logs import structlog
from schemas.settings import Settings
from schemas.topology import shard_queue

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
        self.wanted = settings.broker_members or len(self._urls)
        """Nodes that every queue should have a member on."""
        self._vhost = vhost_of(settings.amqp)
        self._silent: set[str] = set()

    async def answers(self) -> dict[str, Told]:
        """Return what each node tells, by its address; those that do not answer are left out."""
        told = zip(self._urls, await asyncio.gather(*map(self._ask, self._urls)), strict=True)
        return {url.rpartition("//")[2]: one for url, one in told if one is not None}

    async def warn_of_few(self, division: Division) -> None:
        """Log which queues have a member on fewer nodes than BROKER_MEMBERS wants; nothing where no node answers.

        One that is declared while nodes are away keeps too few for ever
        (https://github.com/rabbitmq/rabbitmq-server/issues/3850), so it is told at the start, not only by an alert.
        """
        answers = await self.answers()
        members = Counter(queue for one in answers.values() for queue in one.held)
        few = [name for name in map(shard_queue, division.open) if 0 < members[name] < self.wanted]
        if answers and (few or len(answers) < self.wanted):
            _log.warning("too_few_members", wanted=self.wanted, nodes=len(answers), queues=few)

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


async def warn_of_few_members(settings: Settings) -> None:
    """Look once, and log what has fewer members than BROKER_MEMBERS wants; does nothing where no node may be asked."""
    if settings.rabbitmq_metrics_urls:
        async with ClientSession() as http:
            await Nodes(http, settings).warn_of_few(Division(settings.shards))


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
