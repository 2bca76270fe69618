"""Takes a claimed run to its end, whatever happens on the way: errors become statuses, a stop hands the run back."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from pathlib import Path

from pydantic import ValidationError

from ingest.feeds.runs import MAX_ATTEMPTS, RUN_SQL, RunStatus
from ingest.pull.fetch.spool import PREFIX
from ingest.pull.run.ending import Closer, Ending
from ingest.pull.run.feed import PulledFeed
from ingest.pull.run.file.disk import DiskTrouble
from ingest.pull.run.file.part_files import FOLDER
from ingest.pull.run.lease import Lease, LeaseLost, RunCancelled
from ingest.pull.run.publish import Progress
from ingest.pull.run.run import Errand, Runner
from ingest.pull.run.store import POSTGRES_AWAY, Run, Store
from schemas.backoff import delay_s
from schemas.errors import FeedlineError, Permanent
from schemas.logs import structlog
from schemas.secrets import Vault

_log = structlog.get_logger()
_SPOOL_KEEP_S = 86_400
"""A file that is being fetched is written to more often than this."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 5.0, 60.0
"""Before a run that met with trouble on the disk is tried again."""


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
            except DiskTrouble as error:
                _log.error("disk_trouble", reason=str(error))
                pause_s = delay_s(run.attempt - 1, _FIRST_PAUSE_S, _LONGEST_PAUSE_S, jitter=1)
                await self._store.retry_later(run, pause_s)
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
        except DiskTrouble as error:
            if run.attempt < MAX_ATTEMPTS:
                raise
            return _failed(errand, error.code, str(error))
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

    async def sweep(self) -> None:
        """Delete what ended runs, and killed pullers, left on this machine's disk."""
        found = await asyncio.to_thread(self._left_on_disk)
        in_use = await self._store.in_use([run_id for run_id in found if run_id is not None])
        over = [path for run_id, paths in found.items() if run_id not in in_use for path in paths]
        await asyncio.to_thread(_delete, over)

    def _left_on_disk(self) -> dict[int | None, list[Path]]:
        """Return the folders of runs by run, and under None the spool files that nobody writes to any more."""
        found: dict[int | None, list[Path]] = {}
        for folder in self._folder.glob(f"{FOLDER}*"):
            run_id = folder.name.removeprefix(FOLDER).partition("-")[0]
            if run_id.isdecimal():
                found.setdefault(int(run_id), []).append(folder)
        horizon = time.time() - _SPOOL_KEEP_S
        for file in self._folder.glob(f"{PREFIX}*"):
            with contextlib.suppress(OSError):
                if file.stat().st_mtime < horizon:
                    found.setdefault(None, []).append(file)
        return found


def _delete(paths: list[Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()


def _failed(errand: Errand, code: str, error: str) -> Ending:
    return Ending(
        RunStatus.FAILED,
        batches=errand.progress.batches,
        counts=errand.counts,
        settled=errand.progress.batches == 0 and errand.run.received_at is None,
        error_code=code,
        error=error,
    )
