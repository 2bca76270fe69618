"""One window on its way: apply and commit, however often it takes; then ack, measure, reply.

A window that Postgres cannot take waits and is tried again, with its deliveries unacked and the consumer in place.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from asyncpg import Connection

from schemas import metrics
from schemas.backoff import Backoff
from schemas.batches import Batch
from schemas.errors import FeedlineError, Transient
from schemas.logs import structlog
from workers import database
from workers.amqp.delivery import Delivery
from workers.apply import WindowResult, blame, complete
from workers.apply.blame import Trouble, spoils_the_session
from workers.health import Dependency
from workers.shard import attempts, measure
from workers.shard.lock import ShardLock
from workers.shard.tools import Tools

REPLY_S = 1.0
"""Time to find out what a waiting sender is told beyond the outcomes."""
_T = TypeVar("_T")
_log = structlog.get_logger()


class GivenUp(FeedlineError):
    """What is in hand goes back to the broker."""


class Flight:
    """Carries the windows of one shard, one at a time, over the connection that holds its lock.

    `patience_s` tells for how many seconds more a window may be kept while Postgres is away; None is for ever.
    """

    def __init__(self, shard: int, lock: ShardLock, tools: Tools, patience_s: Callable[[], float | None]) -> None:
        self.shard = shard
        self._who = f"shard {shard}"
        self._log = _log.bind(shard=shard)
        self._lock = lock
        self._tools = tools
        self._patience_s = patience_s

    @property
    def worker_id(self) -> uuid.UUID:
        """Return whose flight it is."""
        return self._tools.worker_id

    async def commit(self, window: Sequence[Delivery]) -> WindowResult:
        """Apply a window and return when it is committed; raises `GivenUp`, `Taken`, or what is no `Transient`."""
        began = self._tools.clock.monotonic()
        suspects = [delivery.batch for delivery in window if delivery.redelivered]
        result = WindowResult([])
        if suspects:
            for piece in await self._told_apart([delivery.batch for delivery in window], suspects):
                part = await self._apply(piece)
                result = WindowResult(result.batches + part.batches, result.split or part.split)
            await self.persist(lambda connection: attempts.forget(connection, suspects))
        else:
            result = await self._apply([delivery.batch for delivery in window])
        if not all(outcome.claimed for outcome in result.batches):
            await self.persist(replicated)
        measure.committed(window, result, self._tools.clock.monotonic() - began, self._tools.clock.now())
        return result

    async def answer(self, window: Sequence[Delivery], result: WindowResult) -> None:
        """Reply to the senders that wait; what they are told beyond the outcomes undoes nothing and holds nobody up."""
        pairs = zip(window, result.batches, strict=True)
        waiting = [(delivery, outcome) for delivery, outcome in pairs if delivery.reply_to is not None]
        if not waiting:
            return
        try:
            async with asyncio.timeout(REPLY_S):
                await complete(await self._lock.connection(), [outcome for _, outcome in waiting])
        except Exception as error:  # noqa: BLE001 - the window is committed and acked: nothing here may undo that
            self._log.warning("reply_incomplete", error=f"{type(error).__name__}: {error}")
        for delivery, outcome in waiting:
            if outcome.told:  # else its sender reads the receipt
                await self._tools.reply(delivery, outcome)

    async def regain(self) -> None:
        """Have the lock again, while nothing is in flight."""
        await self._held(Backoff())
        self._tools.health.well("postgres", self._who)

    async def until_done(self, step: Callable[[], Awaitable[None]]) -> None:
        """Take a step that needs RabbitMQ, again while that is away."""
        backoff = Backoff()
        while True:
            try:
                await step()
            except Transient as error:
                await self._wait_out(error, backoff, "rabbitmq")
            else:
                self._tools.health.well("rabbitmq", self._who)
                return

    async def _told_apart(self, batches: Sequence[Batch], suspects: Sequence[Batch]) -> list[Sequence[Batch]]:
        """Divide a window so that a batch that may have killed a worker flies alone; bury those that killed enough."""
        deaths = await self.persist(lambda connection: attempts.begin(connection, suspects, self._tools.worker_id))
        now = self._tools.clock.now()
        for batch in suspects:
            if deaths.get(batch.batch_id, 0) >= attempts.MOST_DEATHS:
                await self.persist(partial(attempts.bury, batch=batch, now=now))
        return attempts.divide(batches, deaths)

    async def _apply(self, batches: Sequence[Batch]) -> WindowResult:
        apply, now = self._tools.apply, self._tools.clock.now
        return await self.persist(lambda connection: apply(connection, batches, now(), self._lock.known))

    async def persist(self, step: Callable[[Connection], Awaitable[_T]]) -> _T:
        """Return what `step` returns over the connection that holds the lock, doing it again while Postgres is away."""
        backoff = Backoff()
        while True:
            connection = await self._held(backoff)
            try:
                result = await step(connection)
            except Transient as error:
                metrics.WINDOWS.labels("transient").inc()
                if spoils_the_session(error.__cause__):
                    self._lock.drop()
                await self._wait_out(error, backoff)
            else:
                if self._lock.take_unreplicated():
                    await self._wait_out(Transient("the standby did not take a commit in time"), backoff)
                    continue
                self._tools.health.forget(self._who)
                return result

    async def _held(self, backoff: Backoff) -> Connection:
        """Return the connection that holds the lock, waiting while Postgres is away."""
        while True:
            try:
                with database.reaching():
                    async with asyncio.timeout(self._patience_s()):
                        return await self._lock.connection()
            except database.Away as error:
                await self._wait_out(error, backoff)

    async def _wait_out(self, error: Transient, backoff: Backoff, away: Dependency = "postgres") -> None:
        if (task := asyncio.current_task()) is not None and task.cancelling():
            raise asyncio.CancelledError from error  # the library may answer a cancellation with an error of its own
        ours = isinstance(error, Trouble)
        if ours:
            self._log.error("window_stopped", error=str(error), exc_info=error.__cause__)
        self._tools.health.trouble("worker" if ours else away, self._who, error)
        patience = self._patience_s()
        if patience == 0:
            raise GivenUp(f"{away} is away while the shard is handed over")
        delay = backoff.delay()
        await asyncio.sleep(delay if patience is None else min(delay, patience))


async def replicated(connection: Connection) -> None:
    """Return when the standby has what was committed before now.

    A batch that is there already was committed by somebody who did not live to hear it, or stopped waiting for the
    standby; acked, it could be lost with this server. A record of our own in the log is waited for like any commit.
    """
    with blame.kept():
        await connection.execute("SELECT pg_logical_emit_message(true, 'feedline', '')")
