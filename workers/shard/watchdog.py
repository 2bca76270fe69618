"""Sees to it that a shard that we own is consumed: asks the queue whenever nothing has come for a while.

A queue that is gone, or has messages and delivers none, is consumed anew; that heals a queue that was deleted and made
again, or a consumer that the broker forgot. A shard that has messages and gets none for `watchdog_ms` all the same will
not heal by itself; a new process may. A window that waits for Postgres is a reason, and so is RabbitMQ being away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from aiormq.abc import AbstractChannel
from aiormq.exceptions import ChannelNotFoundEntity

from schemas.amqp.tap import AWAY
from schemas.errors import FeedlineError
from schemas.logs import structlog
from schemas.topology import shard_queue
from workers.amqp.broker import TIMEOUT_S, Broker
from workers.clock import Clock
from workers.shard.owner import ShardOwner

ASK_S = 2.0
"""Nothing delivered for this long: the queue is asked, and asked again as often."""
_log = structlog.get_logger()


class Stuck(FeedlineError):
    """A shard's queue has messages and does not deliver them to us."""


class Depths:
    """Asks the broker how many messages of a shard wait to be delivered, over one channel."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._channel: AbstractChannel | None = None

    async def of(self, shard: int) -> int | None:
        """Return the number; None when the queue does not exist. Raises one of `AWAY`."""
        if self._channel is None or self._channel.is_closed:
            self._channel = await self._broker.channel()
        try:
            found = await self._channel.queue_declare(shard_queue(shard), passive=True, timeout=TIMEOUT_S)
        except ChannelNotFoundEntity:
            return None
        return found.message_count or 0


class Watchdog:
    """Looks at the owners; `alive` is the view that `/healthz` shows."""

    def __init__(
        self,
        owners: Callable[[], Sequence[ShardOwner]],
        depth_of: Callable[[int], Awaitable[int | None]],
        limit_s: float,
        clock: Clock,
    ) -> None:
        self._owners = owners
        self._depth_of = depth_of
        self._limit_s = limit_s
        self._clock = clock
        self._every_s = min(ASK_S, limit_s / 4)
        self._renewed_at: dict[int, float] = {}
        self._trouble: str | None = None

    def alive(self) -> str | None:
        """Return what is stuck, or None."""
        return self._trouble

    async def run(self) -> None:
        """Look for ever; raises `Stuck`."""
        while True:
            await asyncio.sleep(self._every_s)
            for owner in self._owners():
                if owner.hungry_s() >= self._every_s:
                    await self.look(owner)

    async def look(self, owner: ShardOwner) -> None:
        """Ask the queue of a shard that nothing has come from for a while, and do what the answer calls for."""
        asked_at = self._clock.now()
        try:
            waiting = await self._depth_of(owner.shard)
        except AWAY as error:
            _log.warning("watchdog_blind", shard=owner.shard, error=str(error))
            return
        hungry_s = owner.hungry_s()
        if not hungry_s:
            return
        if waiting == 0:
            owner.found_empty(asked_at)
        elif waiting is not None and hungry_s >= self._limit_s:
            self._trouble = f"shard {owner.shard}: nothing delivered for {hungry_s:.1f} s"
            raise Stuck(self._trouble)
        else:
            self._renew(owner, "the queue is gone" if waiting is None else f"{waiting} messages wait and none comes")

    def _renew(self, owner: ShardOwner, why: str) -> None:
        """Have a shard consumed anew, unless that was tried a moment ago."""
        now = self._clock.monotonic()
        if now - self._renewed_at.get(owner.shard, float("-inf")) >= 2 * self._every_s:
            self._renewed_at[owner.shard] = now
            owner.renew(why)
