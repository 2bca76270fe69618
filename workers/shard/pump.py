"""From a consumer's deliveries to committed windows: one window in Postgres at a time, acked after its commit.

    deliveries → intake (decode, build) → due, our turn → flight (apply, commit) → ack → reply

While a window is in flight, or waits for its turn, the next one is received and decoded. Asked to stop, the pump
cancels its consumer and ends when nothing is in hand; asked to abandon, it gives everything back as it stands.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine

from schemas.amqp.tap import AWAY as BROKER_AWAY
from schemas.batches import Batch
from schemas.logs import structlog
from workers import database
from workers.amqp.consumer import Consumer
from workers.amqp.delivery import Delivery
from workers.shard.builder import Limits, WindowBuilder
from workers.shard.flight import Flight
from workers.shard.intake import End, Intake
from workers.shard.lock import DRAIN_WAIT_S, ShardLock
from workers.shard.signals import Signals
from workers.shard.state import State
from workers.shard.strays import Strays
from workers.shard.tools import Tools

DRAIN_PATIENCE_S = DRAIN_WAIT_S - 7
"""A worker that hands over and cannot reach Postgres keeps what is in hand no longer than this: the next owner
waits `DRAIN_WAIT_S` for it, and noticing that the connection is lost takes up to 5 s (workers/database.py)."""
_CANCEL_AGAIN_S = 1.0
_log = structlog.get_logger()


class Pump:
    """Works off one consumer of one shard."""

    def __init__(self, state: State, consumer: Consumer, lock: ShardLock, tools: Tools, signals: Signals) -> None:
        self._who = f"shard {state.shard}"
        self._log = _log.bind(shard=state.shard)
        self._state = state
        self._consumer = consumer
        self._lock = lock
        self._tools = tools
        self._signals = signals
        self._monotonic = tools.clock.monotonic
        builder = WindowBuilder(Limits.of(tools.settings), tools.lull)
        self._intake = Intake(consumer, builder, lock.border, self._log, tools.clock)
        self._carrier = flight(state.shard, lock, tools, self._patience_s)
        self._strays = Strays(lock.border, self._carrier, tools)
        self._flight: asyncio.Task[None] | None = None
        self._window: list[Delivery] = []
        self._turn = tools.turns.of(signals.wake.set)
        self._ack_later: int | None = None
        self.drained = False
        """Whether all that was in hand when the consumer was cancelled is committed."""
        self.ended_at: float | None = None
        """When the last window ended (monotonic seconds)."""

    @property
    def empty(self) -> bool:
        """Whether nothing is in hand."""
        return self._flight is None and not len(self._intake)

    @property
    def in_hand(self) -> list[Batch]:
        """The batches in hand that are decoded, oldest first."""
        return [*(delivery.batch for delivery in self._window), *self._intake.batches]

    async def run(self) -> None:
        """Work until the channel is over, or, after a cancel by us or by the broker, all in hand is done.

        Raises `Taken` or `GivenUp` when what is in hand must be given back, and whatever `apply` raises beside
        `Transient`.
        """
        try:
            while True:
                self._collect()
                self._signals.check()
                if self._consumer.over:
                    self._log.warning("channel_closed", in_hand=len(self._intake))
                    return
                if not await self._begin_drain():
                    return
                await self._intake.stage()
                if self._flight is None:
                    self._launch()
                if self._nothing_to_do() and self._consumer.cancelled:
                    self.drained = self.empty
                    return
                await self._pause()
        except BaseException:
            if self._flight is not None:
                await _cancelled(self._flight)
            raise
        finally:
            if self._flight is not None:  # it holds the connection; what it commits is claimed
                await asyncio.wait([self._flight])
                if not self._flight.cancelled() and (error := self._flight.exception()) is not None:
                    self._log.warning("window_given_up", error=str(error))
            self._window = []
            self._turn.leave()

    async def _begin_drain(self) -> bool:
        """Once asked to stop: note it under the lock, then cancel the consumer (in this order: docs/fleet.md).

        Returns False when the cancel was sent and its answer did not come: nobody knows what the broker holds for us.
        """
        if not self._signals.stopping.is_set() or self._consumer.cancelled:
            return True
        if self._flight is not None or not self._lock.held:
            return True
        try:
            await self._lock.note_drain()
        except database.Away as error:
            self._tools.health.trouble("postgres", self._who, error)
            self._lock.drop()
            return True
        try:
            await self._consumer.cancel()
        except BROKER_AWAY as error:
            self._log.warning("cancel_failed", error=f"{type(error).__name__}: {error}")
            return False
        if self._ack_later is not None:
            await self._consumer.ack(self._ack_later)
        return True

    def _nothing_to_do(self) -> bool:
        """Return whether all in hand is done, but for what a worker of a later release must read; tell of that."""
        if self._flight is not None or self._intake.newer is None or any(self._intake.batches):
            return self.empty
        self._tools.health.trouble("worker", self._who, self._intake.newer)
        return True

    def _launch(self) -> None:
        due = self._intake.due()
        if not self._lock.held:
            self._fly(self._carrier.regain())
        elif due is not None and (self._consumer.cancelled or due <= self._monotonic()) and self._turn.take():
            self._window = self._intake.take()
            self._fly(self._work_off(self._window))
        elif (end := self._intake.at_end) is not None:
            self._fly(self._pass_end(end))

    def _fly(self, step: Coroutine[None, None, None]) -> None:
        self._flight = asyncio.create_task(step, name=f"{self._who} window")
        self._flight.add_done_callback(lambda _: self._signals.wake.set())

    def _collect(self) -> None:
        if self._flight is not None and self._flight.done():
            flight, self._flight, self._window = self._flight, None, []
            self._turn.leave()
            self.ended_at = self._monotonic()
            flight.result()

    async def _pause(self) -> None:
        """Wait until something happened, or the window that is being built is due."""
        due = None if self._flight is not None or self._turn.waits else self._intake.due()
        timer = None
        if due is not None:
            loop = asyncio.get_running_loop()
            timer = loop.call_later(max(0.0, due - self._monotonic()), self._signals.wake.set)
        try:
            await self._signals.wake.wait()
        finally:
            if timer is not None:
                timer.cancel()
        self._signals.wake.clear()

    async def _pass_end(self, end: End) -> None:
        self._lock.known.clear()  # another session writes the rows that part
        await self._strays.pass_end(end.shards)
        self._intake.end = None
        await self._ack(end.tag)

    async def _work_off(self, window: list[Delivery]) -> None:
        """Send on what is not ours and commit what is; then ack all of it."""
        last, strays = window[-1].tag, [delivery for delivery in window if delivery.message is not None]
        if strays:
            await self._strays.send_on(strays)
            window = [delivery for delivery in window if delivery.message is None]
        if window:
            await self._commit(window, last)
        else:
            await self._ack(last)

    async def _commit(self, window: list[Delivery], last: int) -> None:
        result = await self._carrier.commit(window)
        committed_at = self._tools.clock.now()
        await self._ack(last)
        if self._log.is_enabled_for(logging.DEBUG):  # `feedline trace` reads it
            batch_ids = [str(delivery.batch.batch_id) for delivery in window]
            acked_at = None if self._ack_later == last else self._tools.clock.now()
            self._log.debug("window_committed", at=committed_at, acked_at=acked_at, batch_ids=batch_ids)
        self._state.committed([delivery.batch for delivery in window])
        await self._carrier.answer(window, result)

    async def _ack(self, tag: int) -> None:
        """Ack, unless we are about to cancel: an ack calls for more deliveries, and the cancel would cross them.

        RabbitMQ then returns them to the queue by itself, and counts that
        (https://github.com/rabbitmq/rabbitmq-server/issues/3729).
        """
        if self._signals.stopping.is_set() and not self._consumer.cancelled:
            self._ack_later = tag
        else:
            await self._consumer.ack(tag)

    def _patience_s(self) -> float | None:
        """Return for how long what is in hand may still be kept while Postgres is away; None: until we must abandon."""
        if self._consumer.over:
            return 0.0
        if self._lock.lost_at is None or not self._consumer.cancelled:
            return None
        return max(0.0, self._lock.lost_at + DRAIN_PATIENCE_S - self._monotonic())


async def _cancelled(flight: asyncio.Task[None]) -> None:
    """Cancel a flight until it has ended: a connection that breaks at that moment can swallow a cancellation."""
    while not flight.done():
        flight.cancel()
        await asyncio.wait([flight], timeout=_CANCEL_AGAIN_S)


def flight(shard: int, lock: ShardLock, tools: Tools, patience_s: Callable[[], float | None]) -> Flight:
    """Return a shard's flight: one that makes spans with TRACING."""
    if not tools.settings.tracing:
        return Flight(shard, lock, tools, patience_s)
    from workers.shard.traced import TracedFlight  # noqa: PLC0415 - nobody else loads OpenTelemetry

    return TracedFlight(shard, lock, tools, patience_s)
