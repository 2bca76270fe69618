"""One owned shard: lock → consumer → windows … → drained → lock released.

Every way that this can break ends in the loop of `run`, in consuming again; docs/fleet.md says why order holds
throughout.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

import structlog

from schemas.amqp.tap import AWAY
from schemas.settings import Settings
from schemas.topology import shard_queue
from workers import database
from workers.amqp.consumer import QueueGone, Session
from workers.backoff import Backoff
from workers.shard.lock import ShardLock, Taken
from workers.shard.pump import GivenUp, Pump, Tools

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
        self._stopping = asyncio.Event()
        self._wake = asyncio.Event()
        self._lock = lock_of(shard, self._wake.set)
        self._session: Session | None = None
        self._pump: Pump | None = None
        self._backoff = Backoff()
        self._returned = True
        """Whether the broker surely has back what we gave up after a cancel; if not, the next owner must wait."""

    def hungry_s(self) -> float:
        """Return for how many seconds we have consumed without anything in hand: a queue with messages would deliver.

        0 while something is in hand, or while we do not consume and know why.
        """
        session, pump = self._session, self._pump
        if session is None or pump is None or session.over or session.cancelled:
            return 0.0
        if not pump.empty or not self._lock.held:
            return 0.0
        return time.monotonic() - max(session.delivered_at, pump.ended_at)

    def stop(self) -> None:
        """Hand the shard over: finish and ack what is in hand, then release the lock; `run` then returns."""
        self._stopping.set()
        self._wake.set()

    async def run(self) -> None:
        """Consume until stopped; raises what is not a dependency's absence."""
        try:
            while not self._stopping.is_set():
                try:
                    await self._own()
                except (Taken, GivenUp) as error:
                    self._log.warning("deliveries_given_back", reason=str(error))
                except QueueGone as error:
                    self._log.warning("queue_gone", reason=str(error))
                    with suppress(*AWAY):
                        await self._tools.broker.declare()
                await self._unless_stopped(asyncio.sleep(self._backoff.delay()))
        finally:
            self._tools.health.forget(self._who)
            await asyncio.shield(self._lock.release(keep_note=not self._returned))
            self._log.info("released")

    async def _own(self) -> None:
        """Get the lock, then consume until the session ends."""
        try:
            await self._unless_stopped(self._lock.acquire())
        except database.Away as error:
            self._tools.health.trouble("postgres", self._who, error)
            return
        self._tools.health.well("postgres", self._who)
        channel = await self._unless_stopped(self._tools.broker.tapped_channel())
        if channel is None:
            return
        session = Session(*channel, self._wake.set)
        try:
            try:
                await session.start(shard_queue(self.shard), prefetch_of(self._tools.settings))
            except AWAY as error:
                self._log.warning("consume_failed", error=f"{type(error).__name__}: {error}")
                return
            self._log.info("consuming")
            self._backoff.reset()
            pump = Pump(self.shard, session, self._lock, self._tools, wake=self._wake, stopping=self._stopping)
            self._session, self._pump = session, pump
            await pump.run()
            if session.cancelled and not self._stopping.is_set():
                raise QueueGone("the broker cancelled the consumer")
        finally:
            drained = self._pump is not None and self._pump.drained
            self._session = self._pump = None
            closed = await asyncio.shield(session.close())
            self._returned = closed or drained or not session.cancelled

    async def _unless_stopped(self, work: Coroutine[Any, Any, _T]) -> _T | None:
        """Return what `work` returns, or None when we are stopped first; the work is then cancelled."""
        task, stop = asyncio.ensure_future(work), asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait((task, stop), return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            for one in (task, stop):
                one.cancel()
            await asyncio.gather(task, stop, return_exceptions=True)
