"""Publishes a run's parts: several confirms in flight, waiting while the broker is full or away, order kept.

Order matters only between parts that hold the same external id, so only parts that share none are in flight together:
whichever of them has to be sent again, a later row of the file is never overtaken by an earlier one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from ingest.amqp.publish import Publisher, Unavailable
from schemas.backoff import Backoff
from schemas.batches import Batch
from schemas.logs import structlog
from schemas.metrics import ITEMS_ACCEPTED

_log = structlog.get_logger()
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.05, 5.0
MAX_BYTES = 8 << 20
"""In flight at most (or else one part): what bounds the memory of a run."""
Numbered = tuple[int, Batch, int]
"""Part number, batch, and about how many bytes it has."""


_InFlight = dict[asyncio.Task[None], tuple[int, set[str], int]]


@dataclass(slots=True)
class Progress:
    """How far publishing has come: parts confirmed from the first on (`batches`), those after a gap in `ahead`."""

    batches: int
    ahead: set[int] = field(default_factory=set)

    def confirmed(self, part: int) -> None:
        """Count a part in."""
        self.ahead.add(part)
        while self.batches in self.ahead:
            self.ahead.remove(self.batches)
            self.batches += 1


class PartPublisher:
    """Publishes numbered batches of one run."""

    def __init__(self, publisher: Publisher, in_flight: int, check: Callable[[], None]) -> None:
        """`check` raises when nothing more may be published: it is asked before each try."""
        self._publisher = publisher
        self._most = in_flight
        self._check = check
        self._told = False

    async def publish(self, parts: AsyncGenerator[Numbered, None], progress: Progress) -> None:
        """Publish them all; returns when the broker has confirmed each."""
        in_flight: _InFlight = {}
        busy: set[str] = set()
        try:
            async with aclosing(parts):
                async for number, batch, size in parts:
                    keys = {item["externalId"] for item in batch.items}
                    while not busy.isdisjoint(keys) or self._is_full(in_flight, size):
                        await _settle_some(in_flight, busy, progress)
                    busy |= keys
                    in_flight[asyncio.create_task(self._until_taken(batch))] = (number, keys, size)
            while in_flight:
                await _settle_some(in_flight, busy, progress)
        finally:
            for task in in_flight:
                task.cancel()
            if in_flight:
                await asyncio.wait(in_flight)

    def _is_full(self, in_flight: _InFlight, size: int) -> bool:
        if not in_flight:
            return False
        return len(in_flight) >= self._most or sum(entry[2] for entry in in_flight.values()) + size > MAX_BYTES

    async def _until_taken(self, batch: Batch) -> None:
        backoff = Backoff(_FIRST_WAIT_S, _LONGEST_WAIT_S)
        while True:
            self._check()
            try:
                await self._publisher.publish(batch)
            except Unavailable as error:
                if not self._told:
                    self._told = True
                    _log.info("run_waits_for_broker", reason=error.reason)
                await asyncio.sleep(backoff.delay())
            else:
                ITEMS_ACCEPTED.inc(batch.source.value, len(batch.items))
                return


async def _settle_some(in_flight: _InFlight, busy: set[str], progress: Progress) -> None:
    done, _ = await asyncio.wait(in_flight, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        number, keys, _size = in_flight.pop(task)
        busy -= keys
        task.result()
        progress.confirmed(number)
