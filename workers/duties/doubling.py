"""The doubling duty: carries a doubling of the shards through, however often whoever does it dies.

    begun ── bind ──▶ settle ── mark ──▶ … the owners pass END … ── finish
    (`feedline shards double`)           (`workers/shard/strays.py`)

Each step can be done twice, and is written down after it was done. What makes each safe: docs/fleet.md, "Doubling the
shards".
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

import asyncpg

from schemas import queries
from schemas.agreement import AGREEMENT, division
from schemas.amqp.tap import AWAY
from schemas.errors import Transient
from schemas.logs import structlog
from schemas.settings import Settings
from schemas.topology import slots_of
from workers.amqp.outlet import Outlet

DOUBLING = queries.load("doubling", beside=__file__)
MARK_AGAIN_S = 60.0
"""An END that was not passed for so long is sent again: its queue may have been deleted. Twice does no harm."""
_MARGIN_S = 1.0
_POLL_S = 1.0
_log = structlog.get_logger()


class Step(StrEnum):
    """What is to be done next."""

    BIND = "bind"
    """Have what is published to the new shard's slots put into its queue too, beside its parent's."""
    MARK = "mark"
    """Put END into the parent's queue."""
    FINISH = "finish"
    """All new shards are consumed: nothing is left to remember."""


@dataclass(frozen=True, slots=True)
class Split:
    """How far a new shard has come: seconds since its queue was bound and END was sent, None for not yet."""

    shard: int
    parent: int
    bound_s: float | None = None
    marked_s: float | None = None
    ended: bool = False


def due(splits: Sequence[Split], settle_s: float) -> list[tuple[Step, Split]]:
    """Return what can be done now. `settle_s` is longer than any message is on its way from publisher to queue."""
    steps: list[tuple[Step, Split]] = []
    for split in splits:
        if split.bound_s is None:
            steps.append((Step.BIND, split))
        elif (
            not split.ended and split.bound_s >= settle_s and (split.marked_s is None or split.marked_s >= MARK_AGAIN_S)
        ):
            steps.append((Step.MARK, split))
    if splits and all(split.ended for split in splits):
        steps.append((Step.FINISH, splits[-1]))
    return steps


class Doubling:
    """The work of the duty `doubling`: one worker of the fleet at a time."""

    def __init__(self, settings: Settings, outlet: Outlet) -> None:
        self._settle_s = settings.confirm_timeout_ms / 1000 + _MARGIN_S
        self._outlet = outlet

    async def serve(self, connection: asyncpg.Connection) -> None:
        """Look for a step to take, again and again, until the connection breaks."""
        woken = asyncio.Event()
        connection.add_termination_listener(lambda _: woken.set())
        await connection.add_listener("workers_changed", lambda *_: woken.set())
        while not connection.is_closed():
            woken.clear()
            await self.round(connection)
            with suppress(TimeoutError):
                async with asyncio.timeout(_POLL_S):
                    await woken.wait()

    async def round(self, connection: asyncpg.Connection) -> None:
        """Take each step that is due; what the broker does not take now is due again in the next round."""
        splits = [Split(*row.values()) async for row in AGREEMENT.splits(connection)]
        divided = await division(connection)
        if not splits or divided is None:
            return
        self._outlet.follow(divided)
        for step, split in due(splits, self._settle_s):
            try:
                await self._take(connection, step, split, shards=divided.shards)
            except (*AWAY, Transient) as error:
                _log.warning("doubling_waits", step=step, shard=split.shard, error=f"{type(error).__name__}: {error}")
                return

    async def _take(self, connection: asyncpg.Connection, step: Step, split: Split, *, shards: int) -> None:
        match step:
            case Step.BIND:
                slots = range(split.shard, slots_of(shards), shards)
                # The parent first: a slot that it got only later would bring it newer batches than it has applied.
                await self._outlet.lead(_to(split.parent, slots))
                await self._outlet.lead(_to(split.shard, slots))
                await DOUBLING.bound(connection, shard=split.shard)
            case Step.MARK:
                await self._outlet.mark(split.parent, shards)
                await DOUBLING.marked(connection, shard=split.shard)
            case Step.FINISH:
                await DOUBLING.finish(connection)
        _log.info("doubling", step=step, shard=split.shard, shards=shards)


def _to(shard: int, slots: Iterable[int]) -> dict[int, int]:
    return dict.fromkeys(slots, shard)
