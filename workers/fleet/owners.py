"""Our shards: starts and stops an owner a shard as the live list changes."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

from schemas import metrics
from schemas.division import Division
from schemas.logs import structlog
from workers.fleet.assign import shards_of
from workers.shard.owner import ShardOwner

_log = structlog.get_logger()


class Owners:
    """The owners of one worker. `run` raises what an owner raises: a dead owner ends the process."""

    def __init__(self, worker_id: uuid.UUID, shards: int, owner_of: Callable[[int], ShardOwner]) -> None:
        self._id = worker_id
        self._division = Division(shards)
        self._owner_of = owner_of
        self._wanted: frozenset[int] = frozenset()
        self._tasks: dict[asyncio.Task[None], ShardOwner] = {}
        self._changed = asyncio.Event()
        self._stopping = False

    @property
    def at_work(self) -> list[ShardOwner]:
        """Return them, draining ones included."""
        return list(self._tasks.values())

    def states(self) -> list[dict[str, Any]]:
        """Return the state of each shard that we own, by shard (the table `shard_state`)."""
        return [owner.state() for owner in sorted(self.at_work, key=lambda owner: owner.shard)]

    def divide(self, division: Division) -> None:
        """Take note of how feeds are divided among shards, before the next `update`."""
        self._division = division

    def update(self, live: frozenset[uuid.UUID]) -> None:
        """Take note of the live workers; `run` acts on it. A closed shard has its worker already, and no owner yet."""
        wanted = shards_of(self._id, live, self._division.shards) - self._division.closed
        if wanted != self._wanted and not self._stopping:
            _log.info("assigned", shards=sorted(wanted), workers=len(live))
            self._wanted = wanted
            self._changed.set()

    def lose(self, why: str) -> None:
        """Give all shards back at once, without handing them over: the others take us for dead."""
        self._wanted = frozenset()
        for owner in self.at_work:
            owner.abandon(why)
        self._changed.set()

    def stop(self) -> None:
        """Hand all shards over; `run` returns when that is done."""
        self._stopping = True
        self._wanted = frozenset()
        self._changed.set()

    async def run(self) -> None:
        """Keep an owner at each wanted shard until stopped."""
        try:
            while not (self._stopping and not self._tasks):
                self._reconcile()
                waiting = asyncio.ensure_future(self._changed.wait())
                done, _ = await asyncio.wait((waiting, *self._tasks), return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                self._changed.clear()
                for task in [task for task in self._tasks if task in done]:
                    del self._tasks[task]
                    task.result()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _reconcile(self) -> None:
        for owner in self._tasks.values():
            if owner.shard not in self._wanted:
                owner.stop()
        owned = {owner.shard for owner in self._tasks.values()}
        for shard in sorted(self._wanted - owned):
            owner = self._owner_of(shard)
            self._tasks[asyncio.create_task(owner.run(), name=f"shard {shard}")] = owner
        metrics.SHARDS_OWNED.set(len(self._wanted))
