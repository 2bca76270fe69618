"""One owned shard: lock → consumer → windows … → drained → lock released.

Every way that this can break ends in the loop of `run`, in consuming again; docs/fleet.md says why order holds
throughout.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

from schemas.amqp.tap import AWAY
from schemas.backoff import Backoff
from schemas.logs import structlog
from schemas.settings import Settings
from schemas.topology import shard_queue
from workers import database
from workers.amqp.consumer import Consumer, QueueGone
from workers.shard.flight import GivenUp
from workers.shard.lock import ShardLock, Taken
from workers.shard.pump import Pump
from workers.shard.signals import Signals
from workers.shard.state import State
from workers.shard.tools import Tools

LockOf = Callable[[int, Callable[[], None]], ShardLock]
"""Makes a shard's lock; the second argument is called when it is lost."""
_T = TypeVar("_T")
_log = structlog.get_logger()


def prefetch_of(settings: Settings) -> int:
    """Return how many deliveries a shard has in hand at most: a window in flight and the better part of the next."""
    return settings.window_max_batches + (settings.window_max_batches + 1) // 2


class ShardOwner:
    """Consumes one shard from `run` until `stop`."""

    def __init__(self, shard: int, lock_of: LockOf, tools: Tools) -> None:
        self.shard = shard
        self._tools = tools
        self._who = f"shard {shard}"
        self._log = _log.bind(shard=shard)
        self._monotonic = tools.clock.monotonic
        self._signals = Signals()
        self._lock = lock_of(shard, self._signals.wake.set)
        self._state = State(shard, tools.clock, tools.worker_id)
        self._consumer: Consumer | None = None
        self._pump: Pump | None = None
        self._backoff = Backoff()
        self._fed_at = self._monotonic()
        self._returned = True
        """Whether the broker surely has back what we gave up after a cancel; if not, the next owner must wait."""

    def hungry_s(self) -> float:
        """Return for how many seconds we have consumed without anything in hand: a queue with messages would deliver.

        0 while something is in hand, or while we do not consume and know why.
        """
        consumer, pump = self._consumer, self._pump
        if consumer is None or pump is None or consumer.over or consumer.cancelled:
            return 0.0
        if not pump.empty or not self._lock.held:
            return 0.0
        fed_at = (at for at in (self._fed_at, consumer.delivered_at, pump.ended_at) if at is not None)
        return self._monotonic() - max(fed_at)

    def found_empty(self, at: datetime) -> None:
        """Take note that the queue was empty then: what was confirmed before, and not delivered, is gone."""
        self._fed_at = self._monotonic()
        self._state.found_empty(at)

    def renew(self, why: str) -> None:
        """Consume anew, over a new channel: what is in hand goes back in order."""
        self._signals.renew = why
        self._signals.wake.set()

    def stop(self) -> None:
        """Hand the shard over: finish and ack what is in hand, then release the lock; `run` then returns."""
        self._signals.stopping.set()
        self._signals.wake.set()

    def abandon(self, why: str) -> None:
        """Give everything back as it stands, without waiting for Postgres or RabbitMQ; `run` then returns."""
        self._signals.abandoned = why
        self._lock.drop()
        self.stop()

    def state(self) -> dict[str, Any]:
        """Return the shard's row of `shard_state`."""
        waits: tuple[str, str] | None = self._tools.health.of(self._who)
        if self._lock.waits_for is not None:
            waits = ("lock", self._lock.waits_for)
        return self._state.row([] if self._pump is None else self._pump.in_hand, waits)

    async def run(self) -> None:
        """Consume until stopped; raises what is not a dependency's absence."""
        try:
            while not self._signals.stopping.is_set():
                try:
                    await self._own()
                except (Taken, GivenUp) as error:
                    self._log.warning("deliveries_given_back", reason=str(error))
                except QueueGone as error:
                    self._log.error("queue_gone", reason=str(error), maybe_lost_since=self._state.passed_at)
                    self._state.found_gone()
                    with suppress(*AWAY):
                        await self._tools.broker.declare()
                await self._unless_stopped(asyncio.sleep(self._backoff.delay()))
        finally:
            self._tools.health.forget(self._who)
            await asyncio.shield(self._lock.release(keep_note=not self._returned))
            self._log.info("released")

    async def _own(self) -> None:
        """Get the lock, then consume until the consumer ends."""
        try:
            await self._unless_stopped(self._lock.acquire())
        except database.Away as error:
            self._tools.health.trouble("postgres", self._who, error)
            return
        self._tools.health.well("postgres", self._who)
        channel = await self._unless_stopped(self._tools.broker.tapped_channel())
        if channel is None:
            return
        consumer = Consumer(*channel, self._signals.wake.set)
        if self._signals.renew is None:  # else it is as hungry as before
            self._fed_at = self._monotonic()
        self._signals.renew = None
        try:
            try:
                await consumer.start(shard_queue(self.shard), prefetch_of(self._tools.settings))
            except AWAY as error:
                self._log.warning("consume_failed", error=f"{type(error).__name__}: {error}")
                return
            await self._consume(consumer)
        finally:
            drained = self._pump is not None and self._pump.drained
            self._consumer = self._pump = None
            self._state.end()
            closed = await asyncio.shield(consumer.close())
            self._returned = closed or drained or not consumer.cancelled

    async def _consume(self, consumer: Consumer) -> None:
        """Work off the deliveries of a consumer that has begun."""
        self._log.info("consuming")
        self._backoff.reset()
        self._state.begin()
        pump = Pump(self._state, consumer, self._lock, self._tools, self._signals)
        self._consumer, self._pump = consumer, pump
        await pump.run()
        if consumer.cancelled and not self._signals.stopping.is_set():
            raise QueueGone("the broker cancelled the consumer")

    async def _unless_stopped(self, step: Coroutine[Any, Any, _T]) -> _T | None:
        """Return what `step` returns, or None when we are stopped first; it is then cancelled."""
        task, stop = asyncio.ensure_future(step), asyncio.ensure_future(self._signals.stopping.wait())
        try:
            await asyncio.wait((task, stop), return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            for one in (task, stop):
                one.cancel()
            await asyncio.gather(task, stop, return_exceptions=True)
