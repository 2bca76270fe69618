"""A worker process: puts the parts together, runs them, stops them in order.

Stop: take no shards any more (others begin to take over) → hand all over → leave the live list → close what is left.
What is not done within `stop_timeout_ms` is cut off: its deliveries return to their queues.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import asyncpg

from schemas import metrics
from schemas.agreement import division
from schemas.logs import structlog
from schemas.settings import Settings, process_name
from schemas.tasks import end_tasks, set_by_signals
from workers.amqp.broker import Broker
from workers.amqp.nodes import warn_of_few_members
from workers.amqp.outlet import Outlet
from workers.apply import Memory, apply_window
from workers.clock import Clock
from workers.duties.dead_queue import DeadQueue
from workers.duties.doubling import Doubling
from workers.duties.duty import Duty
from workers.duties.operations import Operations
from workers.duties.outbox import OutboxDuty
from workers.duties.release import Releaser
from workers.duties.upkeep import Upkeep
from workers.fleet.heartbeat import Heartbeat, Listeners
from workers.fleet.owners import Owners
from workers.fleet.pulse import Pulse
from workers.health import Health
from workers.process import monitored, until_stop_or_death
from workers.shard.lock import ShardLock
from workers.shard.owner import ShardOwner
from workers.shard.tools import Apply, Tools
from workers.shard.turns import Turns
from workers.shard.watchdog import Depths, Watchdog

_log = structlog.get_logger()


class Worker:
    """One worker; `run` returns the process's exit code."""

    def __init__(self, settings: Settings, apply: Apply = apply_window) -> None:
        self.id = uuid.uuid4()
        self._settings = settings
        self._health = Health()
        name = f"{process_name('worker')} {self.id}"
        clock = Clock()
        self._broker = Broker(settings, name, self._health, clock)
        self._out = Broker(settings, f"{name} out", self._health, clock)
        self._outlet = Outlet(self._out, settings.shards, settings.confirm_timeout_ms / 1000)
        turns = Turns(settings.windows_in_flight)
        us = settings, self.id, self._broker, self._health
        memory = Memory(settings.remembered_items)
        self._tools = Tools(*us, apply, self._outlet.reply, self._outlet, clock, turns, memory)
        self._owners = Owners(self.id, settings.shards, self._owner)
        limit_s = settings.heartbeat_timeout_ms / 1000
        self._pulse = Pulse(self._broker, self._health, limit_s, clock)
        fit, owners = lambda: self._pulse.beats, self._owners
        listeners = Listeners(owners.update, owners.lose, fit, owners.states, self._follow)
        self._heartbeat = Heartbeat(settings, self.id, self._health, listeners, clock)
        self._pulse.changed = self._heartbeat.wake
        depths = Depths(self._broker)
        self._watchdog = Watchdog(lambda: self._owners.at_work, depths.of, settings.watchdog_ms / 1000, clock)
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Ask for a graceful stop."""
        self._stop.set()

    async def run(self) -> int:
        """Work until asked to stop (0), or until a part dies or the stop takes too long (1)."""
        set_by_signals(self._stop)
        alive, ready = self._watchdog.alive, self._health.ready
        async with monitored(self._settings, alive=alive, ready=ready, worker=str(self.id)):
            return await self._work()

    async def _work(self) -> int:
        owners = asyncio.create_task(self._owners.run(), name="shards")
        tasks = [owners, *(asyncio.create_task(part, name=name) for name, part in self._parts())]
        warning = asyncio.create_task(warn_of_few_members(self._settings))
        try:
            code = await until_stop_or_death(self._stop, tasks)
            return code or await self._drain(owners)
        finally:
            await end_tasks([*tasks, warning])
            if self._stop.is_set():
                await self._heartbeat.leave()
            self._heartbeat.close()
            for broker in (self._broker, self._out):
                await broker.close()
            _log.info("stopped", worker=str(self.id))

    def _parts(self) -> Sequence[tuple[str, Coroutine[Any, Any, None]]]:
        us, clock = (self._settings, self.id, self._health), self._tools.clock
        releaser = Releaser(self._settings.key, self._outlet.publish)
        operations = Operations(self._settings.key, self._outlet.publish, clock)
        return [
            ("pulse", self._pulse.run()),
            ("heartbeat", self._heartbeat.run()),
            ("replies", self._outlet.run()),
            ("watchdog", self._watchdog.run()),
            ("dead letters", Duty(1, "dead letters", DeadQueue(self._broker, clock).serve).run(*us)),
            ("outbox", Duty(3, "outbox", OutboxDuty(self._outlet.publish).serve).run(*us)),
            ("operations", Duty(4, "operations", operations.serve).run(*us)),
            ("doubling", Duty(5, "doubling", Doubling(self._settings, self._outlet).serve).run(*us)),
            ("upkeep", Duty(2, "upkeep", Upkeep(self._settings, releaser, clock).serve).run(*us)),
        ]

    async def _follow(self, connection: asyncpg.Connection) -> None:
        """Read how feeds are divided among shards; with every heartbeat, since shards may be doubled."""
        divided = await division(connection)
        if divided is not None:
            self._broker.division = divided
            self._outlet.follow(divided)
            self._owners.divide(divided)

    def _owner(self, shard: int) -> ShardOwner:
        def lock_of(shard: int, on_lost: Callable[[], None]) -> ShardLock:
            return ShardLock(self._tools, shard, on_lost)

        return ShardOwner(shard, lock_of, self._tools)

    async def _drain(self, owners: asyncio.Task[None]) -> int:
        _log.info("draining", worker=str(self.id))
        self._owners.stop()
        timeout_s = self._settings.stop_timeout_ms / 1000
        stopping = asyncio.create_task(self._heartbeat.stop_soon(timeout_s))
        done, _ = await asyncio.wait([owners], timeout=timeout_s)
        metrics.SHARDS_OWNED.set(0)
        if not done:
            _log.error("hard_stop", after_ms=self._settings.stop_timeout_ms)
            stopping.cancel()
            return 1
        owners.result()
        await stopping
        return 0
