"""Decides what a puller does next: plans feeds, queues the due ones, takes runs, and looks after them.

Any number of pullers do this side by side: rows are taken with SKIP LOCKED, a feed has at most one active run (a unique
index), and a run belongs to the puller whose lease it carries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from ingest.feeds.runs import ALERT_AFTER, RUN_SQL
from ingest.feeds.schedules import next_fetch
from ingest.feeds.settings import FeedSettings
from ingest.pull.run.carrier import Carrier
from ingest.pull.run.feed import schedule_of
from ingest.pull.run.lease import Lease
from ingest.pull.run.store import POSTGRES_AWAY, Outcomes, Run, Store
from ingest.pull.run.wake import Wake
from schemas import queries
from schemas.logs import structlog
from schemas.metrics import DEGRADED, FEEDS_FAILING, RUNS_ACTIVE
from schemas.settings import Settings

SCHEDULER = queries.load("scheduler", beside=__file__)
_log = structlog.get_logger()
_PAGE = 200
_UPKEEP_EVERY = timedelta(minutes=5)
_AWAY_S = 1.0
_UPKEEP_S = 30
_STUCK_S = 300.0


class Scheduler:
    """One puller's loop. `clock` gives the time that schedules are read by."""

    def __init__(self, settings: Settings, store: Store, carrier: Carrier, clock: Callable[[], datetime]) -> None:
        self.wake = Wake(self._poke)
        self.trouble: str | None = "starting"
        self._settings = settings
        self._store = store
        self._carrier = carrier
        self._clock = clock
        self._running: dict[int, tuple[asyncio.Task[None], Lease]] = {}
        self._stopping = False
        self._upkeep_due: datetime | None = None
        self._turned_at = asyncio.get_running_loop().time()

    async def run(self) -> None:
        """Work until `drain` is called."""
        while not self._stopping:
            try:
                await self.turn()
                wait_s = await self._until_next()
                self.trouble = None
            except POSTGRES_AWAY as error:
                self.trouble = f"postgres: {type(error).__name__}"
                _log.warning("postgres_away", reason=str(error))
                wait_s = _AWAY_S
            self._turned_at = asyncio.get_running_loop().time()
            DEGRADED.labels("postgres").set(self.trouble is not None)
            if not self._stopping:
                await self.wake.wait(wait_s)

    def alive(self) -> str | None:
        """Return None while the loop turns, whatever is away, else one line that says that it does not."""
        stuck_s = asyncio.get_running_loop().time() - self._turned_at
        most_s = _STUCK_S + self._settings.pull_poll_ms / 1000
        return f"the scheduler has been stuck for {stuck_s:.0f} s" if stuck_s > most_s else None

    async def turn(self) -> None:
        """Look once: plan, queue, take."""
        await self._plan()
        await self._queue_due()
        await self._claim()
        now = self._clock()
        if self._upkeep_due is None or now >= self._upkeep_due:
            self._upkeep_due = now + _UPKEEP_EVERY
            await self._upkeep(now)

    async def drain(self, patience_s: float) -> None:
        """Take no more; let runs finish for so long, then hand the others back to be resumed by other pullers."""
        self._stopping = True
        self.wake.set()
        tasks = {task for task, _ in self._running.values()}
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=patience_s)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    async def idle(self) -> None:
        """Wait until this puller carries nothing out."""
        while self._running:
            await asyncio.wait({task for task, _ in self._running.values()})

    async def _plan(self) -> None:
        while True:
            async with self._store.transaction() as connection:
                rows = [row async for row in SCHEDULER.feeds_to_plan(connection, most=_PAGE)]
                for row in rows:
                    await SCHEDULER.plan_feed(
                        connection,
                        feed_id=row["id"],
                        account_id=row["account_id"],
                        planned_for=row["updated_at"],
                        time_zone=row["time_zone"],
                        next_fetch_at=self._next(row["id"], row) if row["enabled"] else None,
                        enabled=row["enabled"],
                    )
            if len(rows) < _PAGE:
                return

    async def _queue_due(self) -> None:
        while True:
            async with self._store.transaction() as connection:
                rows = [row async for row in SCHEDULER.due_feeds(connection, now=self._clock(), most=_PAGE)]
                for row in rows:
                    feed_id = row["feed_id"]
                    if row["enabled"]:
                        await RUN_SQL.queue_run(
                            connection,
                            account_id=row["account_id"],
                            feed_id=feed_id,
                            trigger="schedule",
                            forced=False,
                            dry_run=False,
                        )
                    following = self._next(feed_id, row) if row["enabled"] else None
                    await SCHEDULER.set_next_fetch(connection, next_fetch_at=following, feed_id=feed_id)
            if len(rows) < _PAGE:
                return

    def _next(self, feed_id: int, row: Any) -> datetime | None:
        try:
            schedule = schedule_of(FeedSettings.model_validate(row["settings"]), row["time_zone"])
            return next_fetch(schedule, feed_id, self._clock())
        except (ValueError, LookupError, OSError) as error:  # one feed's settings must not stop all others
            _log.error("feed_not_planned", feed_id=feed_id, reason=str(error))
            return None

    async def _claim(self) -> None:
        free = self._settings.pull_concurrency - len(self._running)
        if free <= 0 or self._stopping:
            return
        lease_s = self._settings.pull_lease_ms / 1000
        asked = asyncio.get_running_loop().time()
        for run in await self._store.claim(free, lease_s):
            lease = Lease(self._store, run.id, run.attempt, lease_s, asked)
            task = asyncio.create_task(self._carrier.carry(run, lease), name=f"run {run.id}")
            self._running[run.id] = (task, lease)
            task.add_done_callback(lambda _, run_id=run.id: self._ended(run_id))  # type: ignore[misc]
            RUNS_ACTIVE.set(len(self._running))

    def _ended(self, run_id: int) -> None:
        del self._running[run_id]
        RUNS_ACTIVE.set(len(self._running))
        self.wake.set()

    def _poke(self, run_id: int) -> None:
        if run_id in self._running:
            self._running[run_id][1].poke()

    async def _until_next(self) -> float:
        """Return the seconds until there is something to do by the clock: a due feed, an expired lease."""
        waits = [self._settings.pull_poll_ms / 1000]
        async with self._store.pool.acquire() as connection:
            due = await SCHEDULER.next_due(connection)
            expiry = await SCHEDULER.lease_expiry(connection, owner=self._store.owner)
        if due is not None:
            waits.append((due - self._clock()).total_seconds())
        if expiry is not None and len(self._running) < self._settings.pull_concurrency:
            waits.append(expiry)
        return max(min(waits), 0.05)

    async def _upkeep(self, now: datetime) -> None:
        """Count late receipts in, forget old runs, measure."""
        async with self._store.pool.acquire() as connection:
            since = now - timedelta(days=self._settings.receipt_days)
            late = [row async for row in SCHEDULER.unsettled_runs(connection, since=since, most=_PAGE)]
            before = now - timedelta(days=self._settings.pull_run_days)
            while await SCHEDULER.prune_runs(connection, before=before, most=_PAGE) == _PAGE:
                pass
            FEEDS_FAILING.set(await SCHEDULER.failing_feeds(connection, least=ALERT_AFTER))
        async with asyncio.timeout(_UPKEEP_S):
            for row in late:
                outcomes: Outcomes = await self._store.outcomes(Run.of(row), row["received_at"])
                await self._store.settle(row["id"], outcomes.counts, settled=outcomes.receipts >= row["batches"])
        await self._carrier.sweep()
