"""A puller's hold on a run: renewed by heartbeat, lost when it cannot be, and then nothing more is published.

The lease is measured by the database's clock; its holder counts by its own monotonic clock from before the renewal was
sent, so that it gives up before anybody else can take over.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ingest.pull.run.store import POSTGRES_AWAY, Store
from schemas.errors import FeedlineError
from schemas.logs import structlog

T = TypeVar("T")
_log = structlog.get_logger()
_SHARE = 0.9
"""Of the lease that its holder trusts: clocks do not run alike."""


class LeaseLost(FeedlineError):
    """The run is another puller's, or may be by now, or is gone with its feed."""


class RunCancelled(FeedlineError):
    """Somebody asked for the run to be cancelled."""


class Lease:
    """The lease of one run in one attempt."""

    def __init__(self, store: Store, run_id: int, attempt: int, lease_s: float, since: float) -> None:
        """`lease_s`: how long a renewal lasts; `since`: the loop's time when the run was claimed, or before."""
        self.run_id = run_id
        self.attempt = attempt
        self._store = store
        self._lease_s = lease_s
        self._poke = asyncio.Event()
        self._until = since + lease_s * _SHARE

    def poke(self) -> None:
        """Renew now: somebody may have asked to cancel."""
        self._poke.set()

    def check(self) -> None:
        """Raise `LeaseLost` when another puller may have taken over: called before each publish."""
        if asyncio.get_running_loop().time() >= self._until:
            raise LeaseLost(f"the lease of run {self.run_id} could not be renewed in time")

    async def keep(self, work: Callable[[], Awaitable[T]]) -> T:
        """Return what `work` returns; it is stopped with `LeaseLost` or `RunCancelled` when that happens."""
        beating = asyncio.create_task(self._beat(), name=f"lease of run {self.run_id}")
        working = asyncio.ensure_future(work())
        try:
            await asyncio.wait((beating, working), return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                await _stop(working)
                await beating
            return await working
        finally:
            await _stop(working)
            await _stop(beating)

    async def _beat(self) -> None:
        """Renew until the lease is lost or the run cancelled; always ends by raising."""
        loop = asyncio.get_running_loop()
        while True:
            sent = loop.time()
            try:
                async with asyncio.timeout(max(self._until - sent, 0.001)):
                    cancel = await self._store.renew_lease(self.run_id, self.attempt, self._lease_s)
            except (*POSTGRES_AWAY, TimeoutError):
                _log.warning("lease_not_renewed", run_id=self.run_id)
            else:
                if cancel is None:
                    raise LeaseLost(f"run {self.run_id} is another puller's now")
                self._until = sent + self._lease_s * _SHARE
                if cancel:
                    raise RunCancelled(f"run {self.run_id} was cancelled")
            self.check()
            self._poke.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(self._lease_s / 3, max(self._until - loop.time(), 0))):
                    await self._poke.wait()


async def _stop(task: asyncio.Future[T]) -> None:
    task.cancel()
    await asyncio.wait((task,))
    if not task.cancelled():
        task.exception()  # looked at, so that it is not reported as forgotten
