"""Deferred items whose turn has come: when a day begins in an account's time zone, or its limit was raised.

The release goes the one road: key-only batches are published, and the worker of their shard applies what is deferred
for these keys, within the limit. A batch's id comes from what it releases and why, so that releasing twice, by
whichever worker, applies once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

import asyncpg

from schemas import queries
from schemas.batches import Batch, Operation, Source, keyed_batch_id
from schemas.items import MAX_ITEMS
from schemas.logs import structlog
from schemas.usage import UnknownZone, account_day, zone

UPKEEP = queries.load("upkeep", beside=__file__)
MOST_AT_ONCE = 5_000
"""Items of one account that are released in one round."""
AGAIN_S = 60.0
"""A batch that was published is not published again within this time: it may wait in its queue."""
_log = structlog.get_logger()


class Deferred(NamedTuple):
    """One deferred item, by its place in the line."""

    feed_id: int
    external_id: str
    position: int


@dataclass(frozen=True, slots=True)
class Room:
    """What an account's day has room for: `limit` None is unlimited."""

    account_id: int
    day: date
    limit: int | None
    used: int

    @property
    def most(self) -> int:
        """Return how many items may be released now."""
        return MOST_AT_ONCE if self.limit is None else max(0, min(MOST_AT_ONCE, self.limit - self.used))


def plan(room: Room, oldest: Iterable[Deferred], now_ms: int, key: bytes) -> list[Batch]:
    """Return the batches that release the oldest items, at most what there is room for, oldest first within a feed."""
    feeds: dict[int, list[Deferred]] = {}
    for item in list(oldest)[: room.most]:
        feeds.setdefault(item.feed_id, []).append(item)
    return [
        _batch(room, items[begin : begin + MAX_ITEMS], now_ms, key)
        for items in feeds.values()
        for begin in range(0, len(items), MAX_ITEMS)
    ]


def _batch(room: Room, items: Sequence[Deferred], now_ms: int, key: bytes) -> Batch:
    feed_id = items[0].feed_id
    why = f"release:{room.day}:{items[0].position}-{items[-1].position}:{room.limit}"
    return Batch(
        batch_id=keyed_batch_id(feed_id, why, key),
        account_id=room.account_id,
        feed_id=feed_id,
        received_ms=now_ms,
        source=Source.RELEASE,
        operation=Operation.RELEASE,
        items=[{"externalId": item.external_id} for item in items],
    )


class Releaser:
    """Releases what there is room for, all accounts in turn; remembers what it published lately."""

    def __init__(self, key: bytes, publish: Callable[[Batch], Awaitable[None]]) -> None:
        self._key = key
        self._publish = publish
        self._published: dict[object, float] = {}

    async def round(self, connection: asyncpg.Connection, now: datetime) -> int:
        """Publish the batches whose turn has come and return how many; raises `Transient` when RabbitMQ is away."""
        at = now.timestamp()
        self._published = {batch_id: then for batch_id, then in self._published.items() if at - then < AGAIN_S}
        count = 0
        for account in [row async for row in UPKEEP.accounts_with_deferred(connection)]:
            try:
                day = account_day(int(at * 1000), zone(account["time_zone"]))
            except UnknownZone as error:
                _log.error("release_waits", account_id=account["id"], error=str(error))
                continue
            count += await self._release(connection, account, day, at)
        return count

    async def _release(self, connection: asyncpg.Connection, account: Any, day: date, at: float) -> int:
        """Publish what an account's day has room for."""
        used = await UPKEEP.used(connection, account_id=account["id"], day=day) or 0
        room = Room(account["id"], day, account["daily_sku_limit"], used)
        if room.most == 0:
            return 0
        rows = UPKEEP.oldest_deferred(connection, account_id=account["id"], most=room.most)
        oldest = [Deferred(row["feed_id"], row["external_id"], row["position"]) async for row in rows]
        due = [
            batch for batch in plan(room, oldest, int(at * 1000), self._key) if batch.batch_id not in self._published
        ]
        for batch in due:
            await self._publish(batch)
            self._published[batch.batch_id] = at
            _log.info(
                "released_deferred",
                batch_id=str(batch.batch_id),
                account_id=batch.account_id,
                feed_id=batch.feed_id,
                items=len(batch.items),
            )
        return len(due)
