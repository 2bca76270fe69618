"""The end of a run: its row, what its feed has become by it, and who has to be told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import asyncpg

from ingest.feeds.guard import Baseline, next_baseline
from ingest.feeds.runs import ALERT_AFTER, GOOD, RUN_SQL, RunStatus, disable_reason
from ingest.feeds.schedules import next_after
from ingest.pull.run.cleanup import CLEANUP
from ingest.pull.run.diff import DIFF
from ingest.pull.run.feed import PulledFeed
from ingest.pull.run.store import STORE, Run, Store, storable
from schemas import queries
from schemas.logs import structlog
from schemas.metrics import FEED_ALERTS, RUN_ROWS, RUN_SECONDS, RUNS
from schemas.settings import Settings

ENDING = queries.load("ending", beside=__file__)
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Standing:
    """The older run that goes on holding the file, and why."""

    run_id: int
    code: str
    reason: str


@dataclass(slots=True)
class Ending:
    """How a run ended; `validators`, `applied`: of the file that was applied (None: keep what is stored)."""

    status: RunStatus
    batches: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    settled: bool = True
    bytes: int | None = None
    error_code: str | None = None
    error: str | None = None
    note: str | None = None
    validators: dict[str, Any] | None = None
    settings_seal: str | None = None
    applied: Baseline | None = None
    again: bool = False
    """Queue another run at once: the file changed under this one."""
    standing: Standing | None = None
    """An older run holds the same file for the same reason: that one stays, and nobody is told again."""


class Closer:
    """Ends runs."""

    def __init__(self, store: Store, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock

    async def end(self, run: Run, feed: PulledFeed, ending: Ending) -> bool:
        """Write the end down, once and for all; False when the run is no longer ours."""
        row = await self._store.patiently(lambda connection: self._write(connection, run, feed, ending))
        if row is None:
            return False
        status, now = ending.status, self._clock()
        RUNS.labels(status).inc()
        RUN_SECONDS.observe(max((now - row["started_at"]).total_seconds(), 0))
        for kind in ("mapped", "rejected"):
            RUN_ROWS.labels(kind).inc(row[f"rows_{kind}"] or 0)
        log = _log.info if status in GOOD else _log.warning
        log(
            "run_ended",
            run_id=run.id,
            feed_id=run.feed_id,
            account_id=run.account_id,
            status=status,
            rows_read=row["rows_read"],
            rows_rejected=row["rows_rejected"],
            batches=ending.batches,
            counts=ending.counts,
            error_code=ending.error_code,
            error=ending.error,
        )
        return True

    async def _write(self, connection: asyncpg.Connection, run: Run, feed: PulledFeed, ending: Ending) -> Any:
        row = await ENDING.end_run(
            connection,
            status=ending.status,
            bytes=ending.bytes,
            counts=ending.counts,
            settled=ending.settled,
            batches=ending.batches,
            error_code=ending.error_code,
            error=ending.error and storable(ending.error),
            note=ending.note,
            run_id=run.id,
            owner=self._store.owner,
            attempt=run.attempt,
        )
        if row is None:
            return None
        await CLEANUP.clear_missing(connection, run_id=run.id)
        if ending.status is not RunStatus.HELD:
            await DIFF.clear_diff(connection, run_id=run.id)
        dry = run.dry_run and ending.status is RunStatus.HELD
        if ending.status in GOOD:
            await self._good(connection, run, feed, ending)
        elif ending.standing is not None or (
            ending.status in (RunStatus.FAILED, RunStatus.HELD) and not ending.again and not dry
        ):
            await self._bad(connection, run, feed, ending)
        if ending.status in GOOD or ending.status is RunStatus.HELD:
            await ENDING.supersede_held(
                connection, run_id=run.id, account_id=run.account_id, feed_id=run.feed_id, only_dry=dry
            )
        if ending.again:
            await RUN_SQL.queue_run(
                connection,
                account_id=run.account_id,
                feed_id=run.feed_id,
                trigger="changed",
                forced=run.forced,
                dry_run=run.dry_run,
            )
        return row

    async def _good(self, connection: asyncpg.Connection, run: Run, feed: PulledFeed, ending: Ending) -> None:
        now = self._clock()
        baseline = None
        if ending.applied is not None:
            state = await STORE.feed_state(connection, feed_id=feed.id)
            before = baseline_of(state) if state else Baseline()
            baseline = next_baseline(before, replace(ending.applied, at=now), approved=run.approved)
        await ENDING.feed_succeeded(
            connection,
            run_id=run.id,
            status=ending.status,
            now=now,
            **_plan(feed, now, 0),
            validators=ending.validators,
            settings_seal=ending.settings_seal,
            rows=baseline and baseline.rows,
            mapped=baseline and baseline.mapped,
            final_newline=baseline and baseline.final_newline,
            baseline_at=baseline and baseline.at,
            layout=baseline and baseline.layout,
            feed_id=feed.id,
        )

    async def _bad(self, connection: asyncpg.Connection, run: Run, feed: PulledFeed, ending: Ending) -> None:
        """Flag the feed, tell, back off, and disable it when it has gone on for days."""
        now = self._clock()
        failed = ending.status is RunStatus.FAILED
        held = ending.standing or Standing(run.id, ending.error_code or "", ending.error or "")
        state = await STORE.feed_state(connection, feed_id=feed.id)
        failures = (state["failures"] if state else 0) + int(failed)
        after = await ENDING.feed_failed(
            connection,
            run_id=held.run_id,
            status=RunStatus.FAILED if failed else RunStatus.HELD,
            now=now,
            failed=int(failed),
            bad=failed or held.code in ("empty", "unusable"),
            error=storable(held.reason),
            **_plan(feed, now, failures if failed else 0),
            feed_id=feed.id,
        )
        event = {"feed_id": feed.id, "account_id": run.account_id, "run_id": run.id, "reason": held.reason}
        if ending.status is RunStatus.HELD:
            _tell("run_held", **event, code=held.code)
        elif failed and failures >= ALERT_AFTER:
            _tell("feed_failing", **event, code=ending.error_code, failures=failures)
        if after is None:
            return
        days = self._settings.pull_disable_days
        reason = disable_reason(after["failing_since"], now, days, storable(held.reason or str(ending.status)))
        if reason is not None:
            disabled = await ENDING.disable_feed(connection, reason=reason, feed_id=feed.id, updated_at=feed.updated_at)
            if disabled is not None:
                await ENDING.feed_disabled(connection, now=now, updated_at=disabled["updated_at"], feed_id=feed.id)
                _tell("feed_disabled", **{**event, "reason": reason})


def _plan(feed: PulledFeed, now: datetime, failures: int) -> dict[str, Any]:
    """Return when a feed is due next, and of which version of it and of its account's time zone that is true."""
    return {
        "next_fetch_at": next_after(feed.schedule, feed.id, now, failures),
        "planned_for": feed.updated_at,
        "time_zone": feed.time_zone,
    }


def baseline_of(state: Any) -> Baseline:
    """Return what a feed's next file is compared with, as a row of `pull_feeds` holds it."""
    return Baseline(state["rows"], state["mapped"], state["final_newline"], state["baseline_at"], state["layout"])


def _tell(alert: str, **event: Any) -> None:
    """Raise an alert: an event that says so, and a metric that rules can watch."""
    FEED_ALERTS.labels(alert).inc()
    _log.error(alert, alert=True, **event)
