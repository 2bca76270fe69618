"""Takes a claimed run to its end, whatever happens on the way: errors become statuses, a stop hands the run back."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from pathlib import Path

import structlog
from pydantic import ValidationError

from ingest.feeds.runs import MAX_ATTEMPTS, RUN_SQL, RunStatus
from ingest.pull.fetch.spool import PREFIX
from ingest.pull.run.ending import Closer, Ending
from ingest.pull.run.feed import PulledFeed
from ingest.pull.run.lease import Lease, LeaseLost, RunCancelled
from ingest.pull.run.publish import Progress
from ingest.pull.run.run import RUN_FOLDER, Errand, Runner
from ingest.pull.run.store import POSTGRES_AWAY, Run, Store
from schemas.errors import FeedlineError, Permanent
from schemas.secrets import Vault

_log = structlog.get_logger()
_KEEP_S = 3 * 86_400
"""A held run's parts lie on disk this long; approved later, its file is fetched again."""


class Carrier:
    """Carries out claimed runs."""

    def __init__(self, store: Store, runner: Runner, closer: Closer, vault: Vault, folder: Path) -> None:
        self._store = store
        self._runner = runner
        self._closer = closer
        self._vault = vault
        self._folder = folder

    async def carry(self, run: Run, lease: Lease) -> None:
        """Carry a run out and write its end down; never raises but for a cancellation."""
        with structlog.contextvars.bound_contextvars(run_id=run.id, feed_id=run.feed_id, account_id=run.account_id):
            try:
                _log.info("run_started", attempt=run.attempt, trigger=run.trigger, first_part=run.batches)
                await self._carry(run, lease)
            except asyncio.CancelledError:
                with contextlib.suppress(*POSTGRES_AWAY):
                    async with asyncio.timeout(1):
                        await self._store.hand_back(run)
                _log.info("run_handed_back")
                raise
            except LeaseLost as error:
                _log.warning("lease_lost", reason=str(error))
            except POSTGRES_AWAY as error:
                _log.warning("run_interrupted", reason=str(error))
            except Exception:  # noqa: BLE001 - the loop must live, and the lease brings the run back
                _log.exception("run_broke")

    async def _carry(self, run: Run, lease: Lease) -> None:
        row = await self._store.patiently(
            lambda connection: RUN_SQL.pulled_feed(connection, account_id=run.account_id, feed_id=run.feed_id)
        )
        if row is None:
            raise LeaseLost("the feed is gone")
        try:
            feed = PulledFeed.of(row, self._vault)
        except (Permanent, ValidationError) as error:
            feed = PulledFeed.of({**row, "secrets": None, "settings": {"fetchFrequency": "never"}}, self._vault)
            reason = str(error) if isinstance(error, Permanent) else "its settings cannot be read: save the feed again"
            ending = Ending(RunStatus.FAILED, error_code="settings", error=reason)
        else:
            if row["deleted"] or (not feed.enabled and not run.approved):
                ending = Ending(RunStatus.CANCELLED, error_code="disabled", error="the feed is disabled or deleted")
            else:
                ending = await self._ending(Errand(run, feed, lease, Progress(run.batches)))
        if not await self._closer.end(run, feed, ending):
            raise LeaseLost(f"run {run.id} is another puller's now")

    async def _ending(self, errand: Errand) -> Ending:
        """Return how a run ended, errors included; each names its kind in `error_code`."""
        run = errand.run
        if run.attempt > MAX_ATTEMPTS:
            error = f"{run.attempt - 1} attempts were interrupted: is the file too large for the pullers?"
            return _failed(errand, "interrupted", error)
        try:
            return await errand.lease.keep(lambda: self._runner.carry_out(errand))
        except LeaseLost:
            raise
        except RunCancelled:
            ending = _failed(errand, "cancelled", "cancelled on request")
            ending.status = RunStatus.CANCELLED
            return ending
        except FeedlineError as error:
            return _failed(errand, str(getattr(error, "code", "unreadable")), str(error))
        except POSTGRES_AWAY:
            raise
        except Exception as error:  # noqa: BLE001 - a fault of ours; logged, and shown as such
            _log.exception("run_broke")
            return _failed(errand, "internal", f"unexpected: {type(error).__name__}")

    def sweep(self) -> None:
        """Delete what ended runs, and killed pullers, left on this machine's disk."""
        horizon = time.time() - _KEEP_S
        for file in self._folder.glob(f"{PREFIX}*"):
            with contextlib.suppress(OSError):
                if file.stat().st_mtime < horizon:
                    file.unlink()
        for folder in self._folder.glob(f"{RUN_FOLDER}*"):
            with contextlib.suppress(OSError):
                if folder.stat().st_mtime < horizon:
                    shutil.rmtree(folder, ignore_errors=True)


def _failed(errand: Errand, code: str, error: str) -> Ending:
    return Ending(
        RunStatus.FAILED,
        batches=errand.progress.batches,
        counts=errand.counts,
        settled=errand.progress.batches == 0 and errand.run.received_at is None,
        error_code=code,
        error=error,
    )
