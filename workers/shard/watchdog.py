"""Ends a process that has stopped consuming without a reason.

A shard that we own, with messages in its queue, none in hand and none delivered for `watchdog_ms`, will not heal by
itself; a new process will. A window that waits for Postgres is a reason, and so is RabbitMQ being away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from schemas.amqp.tap import AWAY
from schemas.errors import FeedlineError
from schemas.topology import shard_queue
from workers.amqp.broker import TIMEOUT_S, Broker
from workers.shard.owner import ShardOwner

_log = structlog.get_logger()


class Stuck(FeedlineError):
    """A shard's queue has messages and does not deliver them to us."""


class Watchdog:
    """Looks at the owners four times in `limit_s`; `alive` is the view that `/healthz` shows."""

    def __init__(self, owners: Callable[[], Sequence[ShardOwner]], broker: Broker, limit_s: float) -> None:
        self._owners = owners
        self._broker = broker
        self._limit_s = limit_s
        self._trouble: str | None = None

    def alive(self) -> str | None:
        """Return what is stuck, or None."""
        return self._trouble

    async def run(self) -> None:
        """Look for ever; raises `Stuck`."""
        while True:
            await asyncio.sleep(self._limit_s / 4)
            for owner in self._owners():
                if owner.hungry_s() >= self._limit_s and await self._waiting(owner) and owner.hungry_s():
                    self._trouble = f"shard {owner.shard}: nothing delivered for {owner.hungry_s():.1f} s"
                    raise Stuck(self._trouble)

    async def _waiting(self, owner: ShardOwner) -> bool:
        """Return whether the shard's queue has messages that are ready to be delivered."""
        try:
            channel = await self._broker.channel()
            try:
                found = await channel.queue_declare(shard_queue(owner.shard), passive=True, timeout=TIMEOUT_S)
                return bool(found.message_count)
            finally:
                await channel.close()
        except AWAY as error:
            _log.warning("watchdog_blind", shard=owner.shard, error=str(error))
            return False
