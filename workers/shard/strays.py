"""What a shard's queue holds that is not the shard's to apply: the marker END of a doubling, and strays.

A stray is a batch of another shard's feed: published before its slot was led elsewhere, or past the exchange, as the
release before does. It is sent on to its own shard's queue. One that came by the exchange stands there already, in
order (docs/fleet.md, "Doubling the shards"): the copy finds its receipt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial

from asyncpg import Connection

from schemas import metrics
from schemas.logs import structlog
from schemas.topology import slots_of
from workers.amqp.delivery import Delivery
from workers.apply import blame
from workers.shard.attempts import SHARD
from workers.shard.border import Border
from workers.shard.flight import Flight
from workers.shard.tools import Tools

PART_AGAIN_S = 10.0
"""A slot is led away from our queue at most this often, however many strays come by it."""
_log = structlog.get_logger()


class Strays:
    """Works off what is not the shard's own; each step waits while Postgres or RabbitMQ is away, as windows do."""

    def __init__(self, border: Border, carrier: Flight, tools: Tools) -> None:
        self._border = border
        self._carrier = carrier
        self._tools = tools
        self._parted_at: dict[int, float] = {}

    async def send_on(self, strays: Sequence[Delivery]) -> None:
        """Put each into its own shard's queue, confirmed, a feed's in order; then have no more of them come here."""
        feeds: dict[int, list[Delivery]] = {}
        for stray in strays:
            feeds.setdefault(stray.batch.feed_id, []).append(stray)
        await asyncio.gather(*(self._send_on(feed, deliveries) for feed, deliveries in feeds.items()))
        metrics.STRAYS.labels(self._border.shard).inc(len(strays))
        slots = slots_of(self._border.modulus)
        await self._part(feed % slots for feed in feeds)

    async def pass_end(self, shards: int) -> None:
        """Write down that all before END is applied, so that the new shard is consumed; then part from its slots.

        END tells the number of shards that it was made for: one of a doubling that is over ends nothing.
        """
        border = self._border

        async def ended(connection: Connection) -> None:
            with blame.kept():
                if shards == 2 * border.modulus:
                    await SHARD.end_split(connection, shard=border.shard + border.modulus)
                await border.read(connection)

        await self._carrier.persist(ended)
        _log.info("end_passed", shard=border.shard, shards=shards)
        half = border.modulus // 2
        slots = range(border.shard % half, slots_of(border.modulus), half) if shards == border.modulus else ()
        await self._part(slot for slot in slots if border.home(slot) != border.shard)

    async def _send_on(self, feed: int, deliveries: Iterable[Delivery]) -> None:
        for delivery in deliveries:
            send = partial(self._tools.outlet.send_on, delivery, self._border.home(feed))
            await self._carrier.until_done(send)

    async def _part(self, slots: Iterable[int]) -> None:
        now, never = self._tools.clock.monotonic(), float("-inf")
        due = {slot for slot in slots if now - self._parted_at.get(slot, never) > PART_AGAIN_S}
        if due:
            homes = {slot: self._border.home(slot) for slot in due}
            await self._carrier.until_done(partial(self._tools.outlet.part, self._border.shard, homes))
            self._parted_at |= dict.fromkeys(due, now)
