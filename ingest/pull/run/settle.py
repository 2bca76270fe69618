"""Reconciles a run with its receipts: every batch that was published has to come back as outcomes."""

from __future__ import annotations

import asyncio
from datetime import datetime

from ingest.pull.run.publish import Progress
from ingest.pull.run.store import Outcomes, Run, Store

_SHORTEST_S, _LONGEST_S, _FOLLOW_S = 0.05, 2.0, 0.5
_SHARE_OF_TIME = 10
"""Counting receipts takes at most about a tenth of the time, however many there are."""


class Settler:
    """Counts the receipts of one run into its row, while it publishes and after."""

    def __init__(self, store: Store, run: Run, received_at: datetime, progress: Progress) -> None:
        """`received_at` is the receive time of the run's batches."""
        self._progress = progress
        self._store = store
        self._run = run
        self._received_at = received_at
        self.latest = Outcomes(0, {})
        self._least_pause_s = 0.0

    async def count(self) -> Outcomes:
        """Count once, and keep it with the number of batches confirmed."""
        began = asyncio.get_running_loop().time()
        self.latest = await self._store.outcomes(self._run, self._received_at)
        await self._store.set_progress(self._run, self._progress.batches, self.latest.counts)
        self._least_pause_s = _SHARE_OF_TIME * (asyncio.get_running_loop().time() - began)
        return self.latest

    async def follow(self, counts: dict[str, int]) -> None:
        """Count now and then into `counts`, until cancelled."""
        while True:
            await asyncio.sleep(max(_FOLLOW_S, self._least_pause_s))
            counts.update((await self.count()).counts)

    async def settle(self, batches: int, patience_s: float) -> int:
        """Wait until all receipts are in; return how many are not, when none came for `patience_s`."""
        loop = asyncio.get_running_loop()
        wait_s, since, before = _SHORTEST_S, loop.time(), -1
        while (await self.count()).receipts < batches:
            if self.latest.receipts > before:
                before, since, wait_s = self.latest.receipts, loop.time(), _SHORTEST_S
            elif loop.time() - since >= patience_s:
                return batches - self.latest.receipts
            await asyncio.sleep(max(wait_s, self._least_pause_s))
            wait_s = min(wait_s * 1.5, _LONGEST_S)
        return 0
