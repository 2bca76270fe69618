"""The end of a run: its row, what its feed has become by it, and who has to be told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import asyncpg
import structlog

from ingest.feeds.runs import ALERT_AFTER, GOOD, RUN_SQL, RunStatus, disable_reason, next_after
from ingest.pull.run.feed import PulledFeed
from ingest.pull.run.store import PULL, Run, Store, storable
from schemas.metrics import FEED_ALERTS, RUN_ROWS, RUN_SECONDS, RUNS
from schemas.settings import Settings

_log = structlog.get_logger()


@dataclass(slots=True)
class Ending:
    """How a run ended; `validators`, `rows`, `mapped`: of the file that was applied (None: keep what is stored)."""

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
    rows: int | None = None
    mapped: int | None = None
    again: bool = False
    """Queue another run at once: the file changed under this one."""


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
        row = await PULL.end_run(
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
        await PULL.clear_missing(connection, run_id=run.id)
        match ending.status:
            case RunStatus.SUCCEEDED | RunStatus.PARTIAL | RunStatus.NOT_MODIFIED:
                await self._good(connection, run, feed, ending)
            case RunStatus.FAILED | RunStatus.HELD if not ending.again:
                await self._bad(connection, run, feed, ending)
        if ending.status in GOOD or ending.status is RunStatus.HELD:
            await self._store.supersede_held(connection, run)
        if ending.again:
            await RUN_SQL.queue_run(
                connection, account_id=run.account_id, feed_id=run.feed_id, trigger="changed", forced=run.forced
            )
        return row

    async def _good(self, connection: asyncpg.Connection, run: Run, feed: PulledFeed, ending: Ending) -> None:
        now = self._clock()
        await PULL.feed_succeeded(
            connection,
            run_id=run.id,
            status=ending.status,
            now=now,
            next_fetch_at=next_after(feed.schedule, feed.id, now, 0),
            validators=ending.validators,
            settings_seal=ending.settings_seal,
            rows=ending.rows,
            mapped=ending.mapped,
            feed_id=feed.id,
        )

    async def _bad(self, connection: asyncpg.Connection, run: Run, feed: PulledFeed, ending: Ending) -> None:
        """Flag the feed, tell, back off, and disable it when it has gone on for days."""
        now = self._clock()
        failed = ending.status is RunStatus.FAILED
        state = await PULL.feed_state(connection, feed_id=feed.id)
        failures = (state["failures"] if state else 0) + int(failed)
        after = await PULL.feed_failed(
            connection,
            run_id=run.id,
            status=ending.status,
            now=now,
            failed=int(failed),
            bad=failed or ending.error_code in ("empty", "unusable"),
            error=ending.error and storable(ending.error),
            next_fetch_at=next_after(feed.schedule, feed.id, now, failures if failed else 0),
            feed_id=feed.id,
        )
        event = {"feed_id": feed.id, "account_id": run.account_id, "run_id": run.id, "reason": ending.error}
        if ending.status is RunStatus.HELD:
            _tell("run_held", **event, code=ending.error_code)
        elif failures >= ALERT_AFTER:
            _tell("feed_failing", **event, code=ending.error_code, failures=failures)
        if after is None:
            return
        days = self._settings.pull_disable_days
        reason = disable_reason(after["failing_since"], now, days, storable(ending.error or str(ending.status)))
        if reason is not None:
            disabled = await PULL.disable_feed(connection, reason=reason, feed_id=feed.id, updated_at=feed.updated_at)
            if disabled is not None:
                await PULL.feed_disabled(connection, now=now, updated_at=disabled["updated_at"], feed_id=feed.id)
                _tell("feed_disabled", **{**event, "reason": reason})


def _tell(alert: str, **event: Any) -> None:
    """Raise an alert: an event that says so, and a metric that rules can watch."""
    FEED_ALERTS.labels(alert).inc()
    _log.error(alert, alert=True, **event)
