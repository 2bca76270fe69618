"""The canary: an item of an account of its own goes the whole road, down every shard, every minute.

    post through the public edge → 202 → its receipt → its row reads what was posted

What does not arrive is counted by the stage that it did not reach: post, receipt, row. The table `canaries` keeps how
each shard's last fared.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import asyncpg
import orjson
from aiohttp import ClientError, ClientSession, ClientTimeout

from schemas import metrics
from schemas.agreement import division
from schemas.division import Division
from schemas.logs import structlog
from schemas.secrets import new_webhook_hash
from schemas.settings import Settings
from workers.clock import Clock
from workers.watch.export import Exporter
from workers.watch.watcher import WATCH

PATH = "/webhooks/inventory-feeds/parse-webhooks.json"
POST_S = 10.0
ARRIVE_S = 20.0
"""Time from the posts to the last receipt; one that comes later is a failure, and ShardLate says why."""
_POLL_S = 0.05
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Feed:
    """The canary's feed of one shard."""

    id: int
    hash: str


@dataclass(frozen=True, slots=True)
class Posted:
    """A canary on its way."""

    shard: int
    feed: Feed
    batch_id: uuid.UUID


class Flight:
    """One canary a shard, all with the same value: how far each came. `began` is of the monotonic clock."""

    def __init__(self, value: int, began: float) -> None:
        self.value = value
        self.began = began
        self.took_ms: dict[int, int] = {}
        self.failed: dict[int, tuple[str, str]] = {}

    def arrive(self, shard: int, read: int | None, now: float) -> None:
        """The receipt has come, and the row reads this."""
        if read != self.value:
            self.fail(shard, "row", f"the row reads {read}, posted was {self.value}")
            return
        metrics.CANARY_SECONDS.observe(now - self.began)
        self.took_ms[shard] = int((now - self.began) * 1000)

    def fail(self, shard: int, stage: str, reason: str) -> None:
        """It did not reach a stage."""
        metrics.CANARY_FAILURES.labels(stage).inc()
        _log.warning("canary_failed", stage=stage, shard=shard, reason=reason)
        self.failed[shard] = stage, reason

    def columns(self) -> dict[str, list[Any]]:
        """Return what is kept, a row a shard: see the table `canaries`."""
        shards = sorted(self.took_ms.keys() | self.failed.keys())
        failures = [self.failed.get(shard, (None, None)) for shard in shards]
        return {
            "shards": shards,
            "took_ms": [self.took_ms.get(shard) for shard in shards],
            "stages": [stage for stage, _ in failures],
            "reasons": [reason for _, reason in failures],
        }


class Canary:
    """The work of the duty `canary`: one process of the fleet at a time."""

    def __init__(self, settings: Settings, http: ClientSession, exporter: Exporter, clock: Clock) -> None:
        self._settings = settings
        self._http = http
        self._exporter = exporter
        self._clock = clock
        self._arrived: dict[int, float] = {}

    async def serve(self, connection: asyncpg.Connection) -> None:
        """Send canaries until the connection, which holds the duty's lock, breaks."""
        self._arrived.clear()
        every_s = self._settings.canary_ms / 1000
        try:
            while True:
                due = self._clock.monotonic() + every_s
                await self.fly(connection)
                await asyncio.sleep(max(0.0, due - self._clock.monotonic()))
        finally:
            self._exporter.hide("canary")

    async def fly(self, connection: asyncpg.Connection) -> None:
        """Send one down every shard, and show and keep how far each came."""
        divided = await division(connection) or Division(self._settings.shards)
        account_id, feeds = await seeded(connection, divided)
        flight = Flight(int(self._clock.now().timestamp()) & 0x7FFF_FFFF, self._clock.monotonic())
        tries = await asyncio.gather(*(self._post(flight, shard, feed) for shard, feed in feeds.items()))
        await self._land(connection, account_id, flight, [posted for posted in tries if posted is not None])
        now = self._clock.now()
        self._arrived.update(dict.fromkeys(flight.took_ms, now.timestamp()))
        samples = [((str(shard),), at) for shard, at in self._arrived.items()]
        fresh_s = 3 * self._settings.canary_ms / 1000 + ARRIVE_S
        self._exporter.show("canary", {metrics.CANARY_SUCCESS: samples}, fresh_s=fresh_s)
        await WATCH.keep_canaries(connection, at=now, **flight.columns())

    async def _land(
        self, connection: asyncpg.Connection, account_id: int, flight: Flight, posted: Sequence[Posted]
    ) -> None:
        """Wait for receipts, and look at the rows of those whose receipt has come."""
        on_their_way = {one.batch_id: one for one in posted}
        while on_their_way:
            receipts = WATCH.canary_receipts(connection, account_id=account_id, batch_ids=list(on_their_way))
            come = [row["batch_id"] async for row in receipts]
            if come:
                rows = {
                    row["feed_id"]: row["inventory_quantity"]
                    async for row in WATCH.canary_rows(connection, account_id=account_id)
                }
                for batch_id in come:
                    one = on_their_way.pop(batch_id)
                    flight.arrive(one.shard, rows.get(one.feed.id), self._clock.monotonic())
            elif self._clock.monotonic() > flight.began + ARRIVE_S:
                for one in on_their_way.values():
                    flight.fail(one.shard, "receipt", f"no receipt of batch {one.batch_id} within {ARRIVE_S:.0f} s")
                return
            else:
                await asyncio.sleep(_POLL_S)

    async def _post(self, flight: Flight, shard: int, feed: Feed) -> Posted | None:
        items = [{"externalId": "canary", "inventoryQuantity": flight.value}]
        try:
            async with self._http.post(
                self._settings.edge_url.rstrip("/") + PATH,
                json=items,
                headers={"jetti-webhook-hash": feed.hash},
                timeout=ClientTimeout(total=POST_S),
            ) as response:
                body = await response.text()
                if response.status == HTTPStatus.ACCEPTED:
                    return Posted(shard, feed, uuid.UUID(orjson.loads(body)["batchId"]))
                flight.fail(shard, "post", f"{response.status} {body[:200]}")
        except (ClientError, TimeoutError, ValueError, TypeError, KeyError) as error:
            flight.fail(shard, "post", f"{type(error).__name__}: {error}")
        return None


async def seeded(connection: asyncpg.Connection, division: Division) -> tuple[int, dict[int, Feed]]:
    """Return the canary's account and its feed of each shard, after making what is missing.

    A feed's shard follows from its id, so ids are drawn until each shard has one; called under the duty's lock.
    """
    account_id = await WATCH.canary_account(connection) or await WATCH.add_canary_account(connection)
    feeds: dict[int, Feed] = {}
    async for row in WATCH.canary_feeds(connection, account_id=account_id):
        feeds.setdefault(division.shard_of(row["id"]), Feed(row["id"], row["hash"]))
    while len(feeds) < len(division.open):
        feed = Feed(await WATCH.next_feed_id(connection), new_webhook_hash())
        shard = division.shard_of(feed.id)
        if shard not in feeds:
            name = f"Canary of shard {shard}"
            await WATCH.add_canary_feed(connection, id=feed.id, account_id=account_id, name=name, hash=feed.hash)
            feeds[shard] = feed
    return account_id, feeds
