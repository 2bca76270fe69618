"""One account with two feeds on a fresh database, and the few words that tests of windows are written in."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import orjson
import pytest

from schemas import receipts
from schemas.batches import Batch, Operation, Source, keyed_batch_id, new_batch_id
from workers.apply import Memory, WindowResult, apply_window
from workers.apply.planner import SESSION
from workers.database import open_connection

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
_KEY = b"k" * 32


class Road:
    """A worker's connection, and windows over it; the time is `NOW` unless a test says otherwise."""

    def __init__(self, connection: asyncpg.Connection, dsn: str) -> None:
        self.connection = connection
        self.dsn = dsn
        self.now = NOW
        self.known = Memory(1_000).begin()
        self.others: list[asyncpg.Connection] = []

    async def another(self) -> "Road":
        """Return the same over a connection of its own."""
        road = Road(await open_connection(self.dsn, "another", session=SESSION), self.dsn)
        self.others.append(road.connection)
        return road

    def batch(self, *items, feed=1, at=None, operation=Operation.UPSERT, **more) -> Batch:
        """Return a batch with an id of its own, for which nobody looks unless a test makes it one from a key."""
        received_ms = int((at or self.now).timestamp() * 1000)
        batch_id = new_batch_id(feed, received_ms, _KEY)
        return Batch(batch_id, 1, feed, received_ms, Source.WEBHOOK, list(items), operation=operation, **more)

    def keyed_batch(self, *items, **more) -> Batch:
        """Return a batch whose id may come in another message."""
        batch = self.batch(*items, **more)
        batch.batch_id = keyed_batch_id(batch.feed_id, uuid4().hex, _KEY)
        return batch

    async def apply(self, *batches) -> WindowResult:
        return await apply_window(self.connection, batches, self.now, self.known)

    async def outcomes(self, *items, **more) -> list[str]:
        """Apply a batch of these items alone; return their outcomes."""
        result = await self.apply(self.batch(*items, **more))
        return [line["outcome"] for line in result.batches[0].items]

    async def rows(self) -> dict:
        """Return the stored feed variants by (feed id, external id)."""
        found = await self.connection.fetch(
            """
            SELECT v.ctid, v.*, d.attributes::text AS details FROM feed_variants v
            LEFT JOIN feed_variant_details d ON d.account_id = v.account_id AND d.feed_variant_id = v.id
            """
        )
        return {(row["feed_id"], row["external_id"]): row for row in found}

    async def receipt(self, batch) -> tuple:
        row = await self.connection.fetchrow("SELECT * FROM receipts WHERE batch_id = $1", batch.batch_id)
        return orjson.loads(row["counts"]), receipts.decode(row["items"])

    async def used(self) -> dict:
        return {row["day"]: row["used"] for row in await self.connection.fetch("SELECT * FROM usage")}

    async def limit(self, limit) -> None:
        await self.connection.execute("UPDATE accounts SET daily_sku_limit = $1", limit)


@pytest.fixture
async def road(database) -> AsyncIterator[Road]:
    """A road over one account (1), one provider and two feeds (1 defers what is over the limit, 2 rejects it)."""
    connection = await open_connection(database, "test", session=SESSION)
    await connection.execute(
        """
        INSERT INTO accounts (name) VALUES ('one');
        INSERT INTO dropship_providers (account_id, name) VALUES (1, 'vendor');
        INSERT INTO inventory_feeds (account_id, dropship_provider_id, name, resource_type, hash, over_limit)
        VALUES (1, 1, 'first', 'webhook', 'h1', 'defer'), (1, 1, 'second', 'webhook', 'h2', 'reject');
        """
    )
    made = Road(connection, database)
    yield made
    for each in (*made.others, connection):
        each.terminate() if each.is_closed() else await each.close()
