"""From a consumer's deliveries to committed windows: one window in Postgres at a time, acked after its commit.

    deliveries → decode → builder → (due, none in flight) → apply and commit → ack, reply

While a window is in flight the next one is received and decoded. A window that Postgres cannot take waits and is tried
again, with its deliveries unacked and the consumer in place, so no delivery count is burnt.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from schemas import metrics
from schemas.amqp.tap import AWAY as BROKER_AWAY
from schemas.batches import decode
from schemas.errors import FeedlineError, Permanent, Transient
from schemas.settings import Settings
from workers import database
from workers.amqp.broker import Broker
from workers.amqp.consumer import Session
from workers.amqp.delivery import Delivery
from workers.apply import BatchResult, WindowResult, complete
from workers.apply.blame import Trouble, spoils_the_session
from workers.backoff import Backoff
from workers.health import Health
from workers.shard.builder import Limits, WindowBuilder
from workers.shard.lock import DRAIN_WAIT_S, ShardLock

Apply = Callable[..., Awaitable[WindowResult]]
"""`workers.apply.apply_window`."""
Reply = Callable[[Delivery, BatchResult], Awaitable[None]]
DRAIN_PATIENCE_S = DRAIN_WAIT_S - 7
"""A worker that hands over and cannot reach Postgres keeps what is in hand no longer than this: the next owner
waits `DRAIN_WAIT_S` for it, and noticing that the connection is lost takes up to 5 s (workers/database.py)."""
REPLY_S = 1.0
"""Time to find out what a waiting sender is told beyond the outcomes."""
_log = structlog.get_logger()


class GivenUp(FeedlineError):
    """What is in hand goes back to the broker."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What all shards of a worker share."""

    settings: Settings
    broker: Broker
    health: Health
    apply: Apply
    reply: Reply
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


class Pump:
    """Works off one session; `stopping` asks it to finish what is in hand and to end."""

    def __init__(  # noqa: PLR0913 - all of an owner's
        self,
        shard: int,
        session: Session,
        lock: ShardLock,
        tools: Tools,
        *,
        wake: asyncio.Event,
        stopping: asyncio.Event,
    ) -> None:
        self._who = f"shard {shard}"
        self._log = _log.bind(shard=shard)
        self._session = session
        self._lock = lock
        self._tools = tools
        self._wake = wake
        self._stopping = stopping
        self._builder = WindowBuilder(Limits.of(tools.settings))
        self._flight: asyncio.Task[None] | None = None
        self._ack_later: int | None = None
        self.drained = False
        """Whether all that was in hand when the consumer was cancelled is committed."""
        self.ended_at = time.monotonic()
        """When the last window ended, or the pump began (monotonic seconds)."""

    @property
    def empty(self) -> bool:
        """Whether nothing is in hand."""
        return self._flight is None and not self._session.raw and not len(self._builder)

    async def run(self) -> None:
        """Work until the channel is over, or, after a cancel by us or by the broker, all in hand is done.

        Raises `Taken` or `GivenUp` when what is in hand must be given back, and whatever `apply` raises beside
        `Transient`.
        """
        try:
            while True:
                self._collect()
                if self._session.over:
                    self._log.warning("channel_closed", in_hand=len(self._session.raw) + len(self._builder))
                    return
                await self._begin_drain()
                await self._stage()
                if self._flight is None:
                    self._launch()
                if self._session.cancelled and self.empty:
                    self.drained = True
                    return
                await self._pause()
        except asyncio.CancelledError:
            if self._flight is not None:
                self._flight.cancel()
            raise
        finally:
            if self._flight is not None:  # it holds the connection; what it commits is claimed
                await asyncio.wait([self._flight])
                if not self._flight.cancelled() and (error := self._flight.exception()) is not None:
                    self._log.warning("window_given_up", error=str(error))

    async def _begin_drain(self) -> None:
        """Once asked to stop: note it under the lock, then cancel the consumer (in this order: docs/fleet.md)."""
        if not self._stopping.is_set() or self._session.cancelled or self._flight is not None or not self._lock.held:
            return
        try:
            await self._lock.note_drain()
        except database.Away as error:
            self._tools.health.trouble("postgres", self._who, error)
            self._lock.drop()
            return
        try:
            await self._session.cancel()
        except BROKER_AWAY as error:
            self._log.warning("cancel_failed", error=f"{type(error).__name__}: {error}")
            await self._session.close()
            return
        if self._ack_later is not None:
            await self._session.ack(self._ack_later)

    async def _stage(self) -> None:
        """Decode the next window's deliveries."""
        raw, builder = self._session.raw, self._builder
        while raw and not builder.full:
            message = raw.popleft()
            tag, body = message.tag, message.body
            if message.redelivered:
                metrics.REDELIVERIES.inc()
            try:
                batch = decode(body)
            except Permanent as error:
                self._log.error("undecodable_message", error=str(error), size=len(body))
                await self._session.reject(tag)
                continue
            builder.offer(Delivery(tag, batch, len(body), message.at, *message.reply))

    def _launch(self) -> None:
        due = self._builder.due()
        if not self._lock.held:
            self._fly(self._regain())
        elif due is not None and (self._session.cancelled or due <= time.monotonic()):
            self._fly(self._commit(self._builder.take()))

    def _fly(self, work: Coroutine[None, None, None]) -> None:
        self._flight = asyncio.create_task(work, name=f"{self._who} window")
        self._flight.add_done_callback(lambda _: self._wake.set())

    def _collect(self) -> None:
        if self._flight is not None and self._flight.done():
            flight, self._flight = self._flight, None
            self.ended_at = time.monotonic()
            flight.result()

    async def _pause(self) -> None:
        """Wait until something happened, or the window that is being built is due."""
        due = self._builder.due() if self._flight is None else None
        timer = None
        if due is not None:
            timer = asyncio.get_running_loop().call_later(max(0.0, due - time.monotonic()), self._wake.set)
        try:
            await self._wake.wait()
        finally:
            if timer is not None:
                timer.cancel()
        self._wake.clear()

    async def _commit(self, window: list[Delivery]) -> None:
        began = time.monotonic()
        result = await self._apply(window)
        await self._ack(window[-1].tag)
        self._measure(window, result, time.monotonic() - began)
        await self._answer([both for both in zip(window, result.batches, strict=True) if both[0].reply_to is not None])

    async def _answer(self, waiting: list[tuple[Delivery, BatchResult]]) -> None:
        """Reply to the senders that wait; what they are told beyond the outcomes holds nobody up and undoes nothing."""
        if not waiting:
            return
        try:
            async with asyncio.timeout(REPLY_S):
                await complete(await self._lock.connection(), [result for _, result in waiting])
        except Exception as error:  # noqa: BLE001 - the window is committed and acked: nothing here may undo that
            self._log.warning("reply_incomplete", error=f"{type(error).__name__}: {error}")
        for delivery, result in waiting:
            if result.told:  # else its sender reads the receipt
                await self._tools.reply(delivery, result)

    async def _ack(self, tag: int) -> None:
        """Ack, unless we are about to cancel: an ack calls for more deliveries, and the cancel would cross them.

        RabbitMQ then returns them to the queue by itself, and counts that
        (https://github.com/rabbitmq/rabbitmq-server/issues/3729).
        """
        if self._stopping.is_set() and not self._session.cancelled:
            self._ack_later = tag
        else:
            await self._session.ack(tag)

    async def _apply(self, window: list[Delivery]) -> WindowResult:
        batches = [delivery.batch for delivery in window]
        backoff = Backoff()
        while True:
            connection = await self._held(backoff)
            try:
                result = await self._tools.apply(connection, batches, self._tools.now())
            except Transient as error:
                metrics.WINDOWS.labels("transient").inc()
                if spoils_the_session(error.__cause__):
                    self._lock.drop()  # nobody knows what the server is doing on it
                await self._wait_out(error, backoff)
            else:
                self._tools.health.forget(self._who)
                return result

    async def _regain(self) -> None:
        await self._held(Backoff())
        self._tools.health.well("postgres", self._who)

    async def _held(self, backoff: Backoff) -> object:
        """Return the connection that holds the lock, waiting while Postgres is away."""
        while True:
            try:
                async with asyncio.timeout(self._patience_s()):
                    return await self._lock.connection()
            except database.Away as error:
                await self._wait_out(error, backoff)

    async def _wait_out(self, error: BaseException, backoff: Backoff) -> None:
        if isinstance(error, Trouble):
            self._log.error("window_stopped", error=str(error), exc_info=error.__cause__)
        self._tools.health.trouble("worker" if isinstance(error, Trouble) else "postgres", self._who, error)
        if self._session.over:
            raise GivenUp("the channel is closed")
        patience = self._patience_s()
        if patience == 0:
            raise GivenUp("Postgres is away while the shard is handed over")
        delay = backoff.delay()
        await asyncio.sleep(delay if patience is None else min(delay, patience))

    def _patience_s(self) -> float | None:
        """Return for how long what is in hand may still be kept; None: for ever."""
        lost_at = self._lock.lost_at
        if lost_at is None or not self._session.cancelled:
            return None
        return max(0.0, lost_at + DRAIN_PATIENCE_S - time.monotonic())

    def _measure(self, window: list[Delivery], result: WindowResult, seconds: float) -> None:
        metrics.WINDOWS.labels("split" if result.split else "committed").inc()
        metrics.WINDOW_SECONDS.observe(seconds)
        metrics.WINDOW_BATCHES.observe(len(window))
        now_ms = self._tools.now().timestamp() * 1000
        for outcome in result.batches:
            if outcome.claimed:
                metrics.COMMIT_LAG.observe(max(0.0, (now_ms - outcome.batch.received_ms) / 1000))
                for name, count in outcome.counts.items():
                    metrics.OUTCOMES.labels(name).inc(count)
