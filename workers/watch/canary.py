"""The canary: an item of an account of its own goes the whole road, down every shard, every minute.

    post through the public edge → 202 → its receipt → its row reads what was posted

What does not arrive is counted by the stage that it did not reach: post, receipt, row.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

import asyncpg
import structlog
from aiohttp import ClientError, ClientSession, ClientTimeout

from schemas import metrics
from schemas.agreement import division
from schemas.division import Division
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
        """Send one down every shard, and show how far each came."""
        divided = await division(connection) or Division(self._settings.shards)
        account_id, feeds = await seeded(connection, divided)
        value = int(self._clock.now().timestamp()) & 0x7FFF_FFFF
        began = self._clock.monotonic()
        tries = await asyncio.gather(*(self._post(shard, feed, value) for shard, feed in feeds.items()))
        on_their_way = {posted.batch_id: posted for posted in tries if posted is not None}
        deadline = began + ARRIVE_S
        while on_their_way:
            good = await self._applied(connection, account_id, on_their_way)
            if good:
                rows = {
                    row["feed_id"]: row["inventory_quantity"]
                    async for row in WATCH.canary_rows(connection, account_id=account_id)
                }
                for batch_id in good:
                    self._arrive(on_their_way.pop(batch_id), rows, value, began)
            elif self._clock.monotonic() > deadline:
                for posted in on_their_way.values():
                    _failed("receipt", posted.shard, f"no receipt of batch {posted.batch_id} within {ARRIVE_S:.0f} s")
                break
            else:
                await asyncio.sleep(_POLL_S)
        samples = [((str(shard),), at) for shard, at in self._arrived.items()]
        fresh_s = 3 * self._settings.canary_ms / 1000 + ARRIVE_S
        self._exporter.show("canary", {metrics.CANARY_SUCCESS: samples}, fresh_s=fresh_s)

    async def _post(self, shard: int, feed: Feed, value: int) -> Posted | None:
        items = [{"externalId": "canary", "inventoryQuantity": value}]
        try:
            async with self._http.post(
                self._settings.edge_url.rstrip("/") + PATH,
                json=items,
                headers={"jetti-webhook-hash": feed.hash},
                timeout=ClientTimeout(total=POST_S),
            ) as response:
                body = await response.text()
                if response.status == HTTPStatus.ACCEPTED:
                    return Posted(shard, feed, uuid.UUID((await response.json())["batchId"]))
                _failed("post", shard, f"{response.status} {body[:200]}")
        except (ClientError, TimeoutError, ValueError, KeyError) as error:
            _failed("post", shard, f"{type(error).__name__}: {error}")
        return None

    async def _applied(
        self, connection: asyncpg.Connection, account_id: int, waited_for: Mapping[uuid.UUID, Posted]
    ) -> list[uuid.UUID]:
        rows = WATCH.canary_receipts(connection, account_id=account_id, batch_ids=list(waited_for))
        return [row["batch_id"] async for row in rows]

    def _arrive(self, posted: Posted, rows: Mapping[int, int], value: int, began: float) -> None:
        if rows.get(posted.feed.id) != value:
            _failed("row", posted.shard, f"the row reads {rows.get(posted.feed.id)}, posted was {value}")
            return
        metrics.CANARY_SECONDS.observe(self._clock.monotonic() - began)
        self._arrived[posted.shard] = self._clock.now().timestamp()


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


def _failed(stage: str, shard: int, reason: str) -> None:
    metrics.CANARY_FAILURES.labels(stage).inc()
    _log.warning("canary_failed", stage=stage, shard=shard, reason=reason)
