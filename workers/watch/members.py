"""What is seen of the shards by what RabbitMQ's nodes tell: members, leaders, alarms, and what the queues hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from schemas.division import Division
from schemas.metrics import BROKER_ALARMS, BROKER_NODES, SHARD_LEADER, SHARD_MEMBERS
from schemas.topology import shard_queue
from workers.amqp.nodes import Nodes, Told
from workers.watch.export import Seeing
from workers.watch.lateness import Queue


async def look_at_nodes(nodes: Nodes, division: Division) -> tuple[Seeing, dict[int, Queue] | None]:
    """Return members and leader of each shard, and the alarms, as far as nodes answer; and what the queues hold.

    The latter only if every queue's leader told. Nothing where no node answers: then AMQP is all that there is.
    """
    answers = await nodes.answers()
    if not answers:
        return {}, None
    shards = {shard_queue(shard): shard for shard in division.open}
    return _seeing(answers, shards, nodes.wanted), _queues(list(answers.values()), shards)


def _seeing(answers: Mapping[str, Told], shards: Mapping[str, int], wanted: int) -> Seeing:
    members = Counter(queue for one in answers.values() for queue in one.held)
    return {
        BROKER_NODES: [((), float(wanted))],
        SHARD_MEMBERS: [((str(shard),), float(members[queue])) for queue, shard in shards.items()],
        SHARD_LEADER: [
            ((str(shards[queue]), node), 1.0)
            for node, one in answers.items()
            for queue in one.ready.keys() & shards.keys()
        ],
        BROKER_ALARMS: [((node, alarm), value) for node, one in answers.items() for alarm, value in one.alarms.items()],
    }


def _queues(answers: Sequence[Told], shards: dict[str, int]) -> dict[int, Queue] | None:
    ready = {queue: count for one in answers for queue, count in one.ready.items()}
    consumers = Counter[str]()
    for one in answers:
        consumers.update(one.consumers)
    if shards.keys() - ready.keys():
        return None
    return {shard: Queue(ready[queue], consumers[queue]) for queue, shard in shards.items()}
