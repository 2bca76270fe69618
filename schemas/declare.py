"""Declares the broker's topology over a connection that is handed in; refuses live queues with other arguments.

RabbitMQ answers a declaration that differs from the live queue with PRECONDITION_FAILED and closes the channel
(https://www.rabbitmq.com/docs/queues#property-equivalence). Arguments of a live queue cannot be changed, so only an
operator can decide what happens to its messages: the process stops with a message that says what to do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Self

from aiormq.abc import AbstractChannel, AbstractConnection
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


async def declare(connection: AbstractConnection, settings: Settings) -> list[str]:
    """Declare both exchanges, the dead queue with its binding, and all shard queues; all durable.

    Raises `Permanent` when a live exchange or queue differs: its message names the argument, what was found and what is
    expected. Errors of a lost connection pass through.

    A live queue with another limit is used as it is, so that a changed setting stops nobody: limits of live queues are
    the business of `feedline queues apply`. One without any limit of its length is refused.
    One that the broker cannot declare just now (its nodes are down, it does not answer) stops none of the others; what
    the broker said of each is returned.
    """
    async with _Channels(connection) as channels:
        for name, kind in ((DEAD_EXCHANGE, "fanout"), (SHARDS_EXCHANGE, "direct")):
            channel = await channels.usable()
            try:
                await channel.exchange_declare(name, exchange_type=kind, durable=True)
            except ChannelPreconditionFailed as error:
                raise Permanent(_exchange_trouble(name, kind, str(error))) from None
        dead, sick = dead_queue(), {}
        for queue in (dead, *shard_queues(settings)):
            await channels.usable()  # a connection on which none can be opened is no trouble of this queue
            try:
                await _declare(channels, queue)
            except (ChannelClosed, TimeoutError) as error:
                sick[queue.name] = f"{type(error).__name__}: {error}"
                await channels.close()
        if dead.name not in sick:
            channel = await channels.usable()
            await channel.queue_bind(dead.name, DEAD_EXCHANGE)
    return [f"{name}: {trouble}" for name, trouble in sick.items()]


async def bind(connection: AbstractConnection, settings: Settings, slot: int, shard: int) -> None:
    """Bind a slot to a shard's queue: it was never used, or its queue was deleted, which is then made anew.

    Raises `Permanent` as `declare` does, or what aiormq raises while the broker, or the queue, is away.
    """
    try:
        await _bind(connection, slot, shard)
    except ChannelNotFoundEntity:
        await declare(connection, settings)
        await _bind(connection, slot, shard)


class _Channels:
    """One channel at a time, since RabbitMQ closes the one that it refuses something on; none is open in the end."""

    def __init__(self, connection: AbstractConnection) -> None:
        self._connection = connection
        self._channel: AbstractChannel | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def usable(self) -> AbstractChannel:
        """Return the channel, another one after `close`."""
        if self._channel is None:
            self._channel = await self._connection.channel(publisher_confirms=False, timeout=_ANSWER_S)
        return self._channel

    async def close(self) -> None:
        """Let go of the channel, whether it is closed already or not."""
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close()


async def _bind(connection: AbstractConnection, slot: int, shard: int) -> None:
    async with _Channels(connection) as channels:
        channel = await channels.usable()
        await channel.queue_bind(shard_queue(shard), SHARDS_EXCHANGE, slot_key(slot), timeout=_ANSWER_S)


async def _declare(channels: _Channels, queue: Queue) -> None:
    channel = await channels.usable()
    try:
        await channel.queue_declare(queue.name, durable=True, arguments=dict(queue.arguments), timeout=_ANSWER_S)
    except (ChannelPreconditionFailed, ChannelLockedResource) as error:
        as_it_is = with_live_limit(queue, str(error))
        if as_it_is is None:
            raise Permanent(queue_trouble(queue, str(error))) from None
        await channels.close()
        await _declare(channels, as_it_is)


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
