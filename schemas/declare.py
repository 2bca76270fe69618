"""Declares the broker's topology over a channel that is handed in; refuses live queues with other arguments.

RabbitMQ answers a declaration that differs from the live queue with PRECONDITION_FAILED and closes the channel
(https://www.rabbitmq.com/docs/queues#property-equivalence). Arguments of a live queue cannot be changed, so only an
operator can decide what happens to its messages: the process stops with a message that says what to do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aio_pika.abc import AbstractChannel
from aiormq.abc import AbstractChannel as PlainChannel
from aiormq.exceptions import (
    ChannelClosed,
    ChannelLockedResource,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
)

from schemas.errors import Permanent
from schemas.settings import Settings
from schemas.topology import (
    DEAD_EXCHANGE,
    SHARDS_EXCHANGE,
    Queue,
    dead_queue,
    shard_queue,
    shard_queues,
    slot_key,
)

_INEQUIVALENT = re.compile(
    r"inequivalent arg '(?P<argument>[^']+)' for .*?: received (?P<sent>.+) but current is (?P<found>.+)"
)
_TYPED = re.compile(r"the value '(?P<value>.*)' of type '\w+'|'(?P<plain>.*)'")

_ANSWER_S = 5.0
"""Time for the broker to answer for one queue."""
_LIMITS = {
    "x-max-length": "QUEUE_MAX_LENGTH",
    "x-max-length-bytes": "QUEUE_MAX_BYTES",
    "x-delivery-limit": "QUEUE_DELIVERY_LIMIT",
}


async def declare(channel: AbstractChannel | PlainChannel, settings: Settings) -> list[str]:
    """Declare both exchanges, the dead queue with its binding, and all shard queues; all durable.

    Takes a channel of aio-pika or of aiormq. Raises `Permanent` when a live exchange or queue differs: its message
    names the argument, what was found and what is expected. The channel is then closed by the broker. Errors of a lost
    connection pass through.

    A live queue with another limit is used as it is, so that a changed setting stops nobody: limits of live queues are
    the business of `feedline queues apply`. One without any limit of its length is refused.
    One that the broker cannot declare just now (its nodes are down, it does not answer) stops none of the others; what
    the broker said of each is returned.
    """
    plain = await channel.get_underlay_channel() if isinstance(channel, AbstractChannel) else channel
    for name, kind in ((DEAD_EXCHANGE, "fanout"), (SHARDS_EXCHANGE, "direct")):
        try:
            await plain.exchange_declare(name, exchange_type=kind, durable=True)
        except ChannelPreconditionFailed as error:
            raise Permanent(_exchange_trouble(name, kind, str(error))) from None
    dead = dead_queue()
    sick: list[str] = []
    for queue in (dead, *shard_queues(settings)):
        try:
            plain = await _declare(plain, queue)
        except (ChannelClosed, TimeoutError) as error:
            sick.append(f"{queue.name}: {type(error).__name__}: {error}")
            plain = await _another(plain)
    if not any(trouble.startswith(f"{dead.name}:") for trouble in sick):
        await plain.queue_bind(dead.name, DEAD_EXCHANGE)
    return sick


async def bind(channel: PlainChannel, settings: Settings, slot: int, shard: int) -> None:
    """Bind a slot to a shard's queue: it was never used, or its queue was deleted, which is then made anew.

    Raises `Permanent` as `declare` does, or what aiormq raises while the broker, or the queue, is away.
    """
    queue = shard_queue(shard)
    try:
        await channel.queue_bind(queue, SHARDS_EXCHANGE, slot_key(slot), timeout=_ANSWER_S)
    except ChannelNotFoundEntity:
        channel = await _another(channel)
        await declare(channel, settings)
        channel = await _another(channel)
        await channel.queue_bind(queue, SHARDS_EXCHANGE, slot_key(slot), timeout=_ANSWER_S)
    await channel.close()


async def _declare(channel: PlainChannel, queue: Queue) -> PlainChannel:
    """Declare a queue; returns the channel to go on with."""
    try:
        await channel.queue_declare(queue.name, durable=True, arguments=dict(queue.arguments), timeout=_ANSWER_S)
    except (ChannelPreconditionFailed, ChannelLockedResource) as error:
        as_it_is = with_live_limit(queue, str(error))
        if as_it_is is None:
            raise Permanent(queue_trouble(queue, str(error))) from None
        return await _declare(await _another(channel), as_it_is)
    return channel


async def _another(channel: PlainChannel) -> PlainChannel:
    """Return a new channel in place of one that the broker has closed, or does not answer on."""
    return await channel.connection.channel(publisher_confirms=False, timeout=_ANSWER_S)


def with_live_limit(queue: Queue, broker_says: str) -> Queue | None:
    """Return the queue with the limit that the live one has in place of ours; None if the broker objects to more."""
    found = _INEQUIVALENT.search(broker_says)
    if found is None or found["argument"] not in _LIMITS:
        return None
    limit, live = found["argument"], _shown(found["found"])
    if not live.isdigit() and limit != "x-delivery-limit":
        return None
    arguments = {name: value for name, value in queue.arguments.items() if name != limit}
    as_it_is = Queue(queue.name, arguments | ({limit: int(live)} if live.isdigit() else {}))
    return None if as_it_is == queue else as_it_is


def queue_trouble(queue: Queue, broker_says: str) -> str:
    """Return what an operator is told about a live queue that differs from `queue`."""
    found = _INEQUIVALENT.search(broker_says)
    if found is None:
        return f"the live queue {queue.name} cannot be used: RabbitMQ says {broker_says!r}. {_remedy(queue, None)}"
    argument = found["argument"]
    live = _shown(found["found"])
    expected = _expected(queue.arguments, argument, found["sent"])
    return (
        f"the live queue {queue.name} has {argument} = {live}, but {argument} = {expected} is expected. "
        f"{_remedy(queue, argument, live)}"
    )


def _exchange_trouble(name: str, kind: str, broker_says: str) -> str:
    return (
        f"the live exchange {name} is not a durable {kind} exchange: RabbitMQ says {broker_says!r}. "
        "Delete it in RabbitMQ (it holds no messages) and start again."
    )


def _expected(arguments: Mapping[str, Any], argument: str, sent: str) -> str:
    return str(arguments[argument]) if argument in arguments else _shown(sent)


def _shown(value: str) -> str:
    """Return a value of the broker's message without its wrapping; `none` becomes words."""
    if value.strip() == "none":
        return "(not set)"
    typed = _TYPED.search(value)
    return (typed["value"] or typed["plain"] or "") if typed else value


def _remedy(queue: Queue, argument: str | None, live: str = "") -> str:
    """Return the two ways out. Changing the arguments of a live queue is impossible in RabbitMQ."""
    again = (
        f"stop everything that publishes, let the workers empty it, delete it "
        f"(rabbitmqctl delete_queue {queue.name}) and start again: it is then made anew"
    )
    setting = _LIMITS.get(argument or "")
    if setting is None or not live.isdigit():
        return f"Arguments of a live queue cannot be changed: {again}."
    return f"Arguments of a live queue cannot be changed: set {setting}={live} to keep the queue as it is, or {again}."
