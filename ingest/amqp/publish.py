"""Publishes batches: `publish` returns after the broker's confirm of a persistent message that reached its shard queue.

A message that comes back as unroutable is held for up to a second, while its slot is bound anew, and sent again.

One connection and one channel a process. Lost, it is made again with capped, jittered back-off; until then, and for
everything in flight, publishing fails at once as `Unavailable`: a sender hears 503 and nobody waits in the dark.

Measured, 4 KB messages, 200 in flight, client CPU a message: aio-pika 258 µs, aiormq 190 µs, this 29 µs. docs/speed.md
says what the library's connection and the exchange of our own added.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from ingest.amqp.binding import Bindings
from ingest.amqp.connecting import FIRST_DELAY_S, LONGEST_DELAY_S, Refusals
from ingest.amqp.frames import Extras
from ingest.amqp.wire import Confirm, Reason, Settled, Wire
from schemas.agreement import known_division
from schemas.amqp.tap import AWAY, Link, open_link
from schemas.backoff import Backoff
from schemas.batches import Batch
from schemas.declare import bind, declare
from schemas.division import Division
from schemas.errors import Transient
from schemas.logs import structlog
from schemas.metrics import DEGRADED, PUBLISH_FAILURES, PUBLISHED
from schemas.settings import Settings
from schemas.tasks import end_tasks
from schemas.topology import slot_key, slots_of

_log = structlog.get_logger()

HEARTBEAT_S = 4
"""A broker that is silent for three of these (15 s) is gone; at once if a confirm is late besides (`wire.SILENT_S`)."""
HOLD_S: Final = 1.0
"""A message whose slot leads nowhere waits this long for it to lead somewhere."""
_FOLLOW_S = 60.0
_CONNECT_TIMEOUT_S = 10.0
_FRAME_MAX = 131_072
"""Where the broker names no limit."""
_SETTLED_S = 10.0
"""A connection that lasted this long starts the back-off anew."""

_WORDS: dict[Reason, str] = {
    "disconnected": "the message broker is away",
    "blocked": "the message broker takes no messages for the moment",
    "full": "the queue is full",
    "unroutable": "the queue is missing",
    "timeout": "the message broker did not confirm in time",
}


class Sent(NamedTuple):
    """A message that was written: its future ends with the broker's word on it."""

    slot: int
    message_id: str
    body: bytes
    extras: Extras | None
    settled: Settled | None
    confirm: Confirm


class Unavailable(Transient):
    """The broker did not take a batch; whether it will keep it is known (not taken) but for `timeout`, `blocked` and
    `disconnected`, where it may. `reason` is disconnected, blocked, full, unroutable or timeout."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(_WORDS[reason])
        self.reason: Reason = reason


class Publisher:
    """The one way onto the queue; an async context manager.

    Entering makes the first try to connect and declare the topology: it raises `Permanent` when a live queue is unsafe,
    and goes on trying in the background when the broker is away.
    """

    def __init__(self, settings: Settings, name: str) -> None:
        """`name` is shown in RabbitMQ's list of connections."""
        self._settings = settings
        self._name = name
        self._division = Division(settings.shards)
        self._keys = _keys_of(settings.shards)
        self._link: Link | None = None
        self._wire: Wire | None = None
        self._refusals = Refusals()
        self._trouble: str | None = "not connected yet"
        self._first_try = asyncio.Event()
        self._bindings = Bindings(self._bind)
        self._task: asyncio.Task[None] | None = None
        self._following: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Connect, or learn that the broker is away."""
        self._task = asyncio.create_task(self._stay_connected(), name="publisher")
        self._following = asyncio.create_task(self._follow(), name="publisher's number of shards")
        first = asyncio.create_task(self._first_try.wait())
        await asyncio.wait((self._task, first), return_when=asyncio.FIRST_COMPLETED)
        first.cancel()
        if self._task.done():
            await self._task
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connection; what is in flight fails, so let it finish first."""
        await end_tasks(task for task in (*self._bindings.tasks, self._following, self._task) if task is not None)

    async def publish(self, batch: Batch, *, reply_to: str | None = None, correlation_id: str | None = None) -> None:
        """Put a batch on its feed's shard queue and wait for the confirm; raises `Unavailable`.

        Batches leave in the order in which concurrent tasks call this.
        """
        await self.publish_message(
            batch.feed_id, batch.batch_id.hex, batch.encode(), Extras(reply_to, correlation_id) if reply_to else None
        )

    def publish_message(
        self,
        feed_id: int,
        message_id: str,
        body: bytes,
        extras: Extras | None = None,
        settled: Settled | None = None,
    ) -> Coroutine[Any, Any, None]:
        """Do as `publish` does, with a batch that is encoded already; `message_id` is its batch id in hex.

        `settled` is called when the broker has settled the message or can no longer, which after a `timeout` is later.
        The message is written at once; what is returned has to be awaited.
        """
        return self.confirmed(self.send(feed_id, message_id, body, extras, settled))

    def send(
        self,
        feed_id: int,
        message_id: str,
        body: bytes,
        extras: Extras | None = None,
        settled: Settled | None = None,
    ) -> Sent:
        """Write a message at once. Whoever does so waits with `confirmed`, or calls `count` where it was confirmed."""
        slot = feed_id % len(self._keys)
        if self._wire is not None:
            confirm = self._wire.publish(self._keys[slot], message_id, body, extras, settled)
        else:
            confirm = asyncio.get_running_loop().create_future()
            confirm.set_result("disconnected")
            if settled is not None:
                settled()
        return Sent(slot, message_id, body, extras, settled, confirm)

    async def confirmed(self, sent: Sent) -> None:
        """Wait for the confirm of a message, which is sent again if need be; raises `Unavailable`."""
        reason = await sent.confirm
        if reason is not None:
            await self._not_confirmed(sent, reason)
        self.count(sent)

    def count(self, sent: Sent) -> None:
        """Count a message that was confirmed."""
        shard = self._division.shard_of(sent.slot)
        self._refusals.taken.add(shard)
        PUBLISHED.inc(shard)

    async def _not_confirmed(self, sent: Sent, reason: Reason) -> None:
        """Send a message again that came back; raises `Unavailable` where it is not confirmed then either."""
        again = await self._publish_again(sent) if reason == "unroutable" else reason
        if again == "full" and self._condemned(self._division.shard_of(sent.slot)):
            again = "disconnected"
        if again is not None:
            PUBLISH_FAILURES.labels(again).inc()
            raise Unavailable(again)

    def ready(self) -> str | None:
        """Return None when batches can be published, else one line that says why not."""
        if self._wire is not None:
            blocked = self._wire.blocked
            return None if blocked is None else f"rabbitmq: blocked: {blocked}"
        return f"rabbitmq: {self._trouble}"

    async def watch(self) -> None:
        """Wait for ever; raises `Permanent` when the topology turns out to be unsafe after the start."""
        assert self._task is not None, "enter the publisher first"
        await asyncio.shield(self._task)

    def _condemned(self, shard: int) -> bool:
        """Return whether the connection was given up because the shard's queue refused a message over it."""
        if self._wire is None or not self._refusals.condemn(shard, asyncio.get_running_loop().time()):
            return False
        self._wire.over(f"the queue of shard {shard} refused its first message")
        return True

    async def _follow(self) -> None:
        """Know the shards that there are, which may be doubled: to count batches by them, and to bind slots anew."""
        while True:
            await asyncio.sleep(_FOLLOW_S)
            known = await known_division(self._settings)
            if known is not None:
                self._division = known
                self._settings = self._settings.model_copy(update={"shards": known.shards})
                self._keys = _keys_of(known.shards)  # others, if SHARDS was wrong and Postgres was away at the start

    async def _stay_connected(self) -> None:
        loop = asyncio.get_running_loop()
        backoff = Backoff(FIRST_DELAY_S, LONGEST_DELAY_S)
        while True:
            began = loop.time()
            self._trouble = why = await self._live_once()
            DEGRADED.labels("rabbitmq").set(1)
            self._first_try.set()
            if loop.time() - began > _SETTLED_S:
                backoff.reset()
            delay = backoff.delay()
            _log.warning("broker_away", reason=why, retry_in_s=round(delay, 2))
            await asyncio.sleep(delay)

    async def _live_once(self) -> str:
        """Connect and stay; return why it ended."""
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                link, wire = await self._connect()
        except (*AWAY, Transient) as error:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise asyncio.CancelledError from error  # aiormq may answer a cancellation with an error of its own
            return str(error) or type(error).__name__
        self._link, self._wire, self._trouble = link, wire, None
        self._refusals.taken.clear()
        try:
            DEGRADED.labels("rabbitmq").set(0)
            _log.info("broker_connected")
            self._first_try.set()
            return await asyncio.shield(wire.closed)
        finally:
            wire.over("closed by us")
            self._link, self._wire, self._trouble = None, None, wire.closed.result()
            await link.close()

    async def _connect(self) -> tuple[Link, Wire]:
        link = await open_link(self._settings.amqp, self._name, HEARTBEAT_S)
        try:
            await declare(link.connection, self._settings)
            channel = await link.connection.channel()
            wire = Wire(
                asyncio.get_running_loop(),
                link.tap,
                channel.number,
                link.connection.connection_tune.frame_max or _FRAME_MAX,
                self._settings.confirm_timeout_ms / 1000,
            )
        except BaseException:
            await link.close()
            raise
        link.tap.attach(wire.take, wire.over)
        return link, wire

    async def _publish_again(self, sent: Sent) -> Reason | None:
        """Hold a message that came back until its slot is bound, and send it again; return what became of it.

        The slot is used for the first time, or somebody deleted its queue under us.
        """
        until = asyncio.get_running_loop().time() + HOLD_S
        slot, message_id, body, extras, settled, _ = sent
        try:
            while await self._bindings.bound(slot, until) and (wire := self._wire) is not None:
                confirm = wire.publish(slot_key(slot), message_id, body, extras, settled)
                owner, settled = settled, None  # the wire sees to it, unless the message comes back
                if (reason := await confirm) != "unroutable":
                    return reason
                settled = owner
        finally:
            if settled is not None:
                settled()
        return "unroutable"

    async def _bind(self, slot: int) -> bool:
        """Bind a slot; return False where there is no connection."""
        if self._link is None:
            return False
        await bind(self._link.connection, self._settings, slot, self._division.shard_of(slot))
        return True


def _keys_of(shards: int) -> list[str]:
    return [slot_key(slot) for slot in range(slots_of(shards))]
