"""The same walk twice: by a worker that remembers, and by one that does not. What is left must be the same."""

import random
import uuid
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import asyncpg
import pytest
from prometheus_client import REGISTRY

from schemas import receipts
from schemas.batches import Batch, Operation, Source
from schemas.errors import Transient
from workers.apply import Memory, apply_window
from workers.apply.planner import SESSION
from workers.database import open_connection

KEYS = "abc"
STEPS = 70
START = datetime(2026, 3, 7, 20, tzinfo=UTC)
VALUES = {
    "vendorSku": ["s1", "S1", "s2", "two", None],
    "barcode": ["4006381333931", None],
    "inventoryQuantity": [0, 1, 2, None],
    "retailPrice": ["0", "1.5", None],
    "name": ["n1", "n2", None],
    "tags": [[], ["t"], None],
    "metaFields": [{}, {"a": 1}, {"a": True}, {"a": 1.0}, None],
}
POISON = [{"vendorSku": "x" * 9_000}, {"name": "a\0b"}, {"inventoryQuantity": 2**40}]
SETUP = """
INSERT INTO accounts (id, name) VALUES (1, 'remembers'), (2, 'forgets');
INSERT INTO dropship_providers (account_id, name) VALUES (1, 'v'), (2, 'v');
INSERT INTO inventory_feeds (id, account_id, dropship_provider_id, name, resource_type, hash, over_limit,
                             automatically_connect, automatically_connect_by_barcode, case_insensitive_skus)
SELECT a.id * 10 + f.id, a.id, p.id, 'f', 'webhook', a.id || 'h' || f.id, f.over_limit, true, true, f.id = 2
FROM accounts a JOIN dropship_providers p ON p.account_id = a.id
CROSS JOIN (VALUES (1, 'defer'), (2, 'reject')) AS f (id, over_limit);
INSERT INTO variants (account_id, sku, name) SELECT a.id, s, s FROM accounts a, unnest('{s1,two,Two}'::text[]) s;
"""
PLAINLY = "DELETE FROM dead_keys; DELETE FROM change_streams; UPDATE accounts SET daily_sku_limit = NULL"
OTHERWISE = (
    "UPDATE accounts SET daily_sku_limit = 2",
    "UPDATE accounts SET daily_sku_limit = 5",
    "INSERT INTO change_streams (account_id, enabled) SELECT id, true FROM accounts ON CONFLICT DO NOTHING",
)
STORED = {
    "feed variants": """
        SELECT v.feed_id % 10 AS feed, v.external_id, v.created_at, v.updated_at, v.inventory_updated_at, v.charged,
               v.vendor_sku, v.barcode, v.inventory_quantity, v.retail_price::text, v.details_hash,
               (SELECT sku FROM variants w WHERE w.id = v.variant_id) AS variant,
               (SELECT attributes::text FROM feed_variant_details d WHERE d.feed_variant_id = v.id) AS details
        FROM feed_variants v WHERE account_id = $1 ORDER BY 1, 2""",
    "deferred": """
        SELECT feed_id % 10 AS feed, external_id, item::text, batch_id, deferred_at FROM deferred_items
        WHERE account_id = $1 ORDER BY position""",
    "usage": "SELECT day, used FROM usage WHERE account_id = $1 AND used > 0 ORDER BY day",
    "minutes": """
        SELECT minute, feed_id % 10 AS feed, created, updated, unchanged, superseded, deferred, rejected, dead
        FROM feed_minutes WHERE account_id = $1 ORDER BY 1, 2""",
    "dead keys": """
        SELECT feed_id % 10 AS feed, external_id, overtaken_at FROM dead_keys WHERE account_id = $1
        ORDER BY dead_letter_id""",
    "events": """
        SELECT feed_id % 10 AS feed, batch_id, event, at FROM events WHERE account_id = $1
        ORDER BY position""",
}


@contextmanager
def fault(number, *, done):
    """Let the statement of a number fail: before it is sent, or when it is done and its answer is on the way."""
    left = number

    def failing(method):
        async def call(connection, query, *arguments):
            nonlocal left
            left -= 1
            fails = left == 0 and not query.startswith("ROLLBACK")
            if fails and not done:
                raise Transient
            result = await method(connection, query, *arguments)
            if fails:
                raise Transient
            return result

        return call

    methods = {name: failing(getattr(asyncpg.Connection, name)) for name in ("execute", "fetch", "fetchval")}
    with patch.multiple(asyncpg.Connection, **methods):
        yield


class Worker:
    """Applies an account's windows over a session of its own."""

    def __init__(self, account: int, memory: Memory) -> None:
        self.account, self.memory = account, memory
        self.known = memory.begin()

    async def open(self, dsn: str) -> None:
        self.connection = await open_connection(dsn, "walk", session=SESSION)

    def lose_the_session(self) -> None:
        self.known.end()
        self.known = self.memory.begin()

    async def apply(self, window, now):
        query = "SELECT id FROM dead_letters WHERE account_id = $1 ORDER BY id"
        self.letters = [row["id"] for row in await self.connection.fetch(query, self.account)]
        result = await apply_window(self.connection, list(map(self.own, window)), now, self.known)
        return [(each.claimed, each.counts, each.items) for each in result.batches]

    def own(self, batch: Batch) -> Batch:
        replays = batch.replays and self.letters[batch.replays % len(self.letters)] if self.letters else None
        feed = self.account * 10 + batch.feed_id
        return replace(batch, account_id=self.account, feed_id=feed, replays=replays)

    async def stored(self):
        found = {name: await self.connection.fetch(query, self.account) for name, query in STORED.items()}
        told = await self.connection.fetch(
            "SELECT batch_id, counts::text, items FROM receipts WHERE account_id = $1 ORDER BY 1", self.account
        )
        return found | {"receipts": [(row[0], row[1], receipts.decode(row[2])) for row in told]}


class Walk:
    """Random steps, the same ones for all workers."""

    def __init__(self, seed: int, workers: list[Worker]) -> None:
        self.draw = random.Random(seed)
        self.workers = workers
        self.now = START
        self.sent: list[Batch] = []

    def batch(self, items, operation=Operation.UPSERT, **more):
        received = self.now - timedelta(hours=self.draw.choice((0, 0, 0, 5, 30)))
        source, feed = Source.WEBHOOK, self.draw.choice((1, 1, 1, 2))
        number = uuid.UUID(int=self.draw.getrandbits(128), version=4)
        return Batch(number, 0, feed, int(received.timestamp() * 1000), source, items, operation=operation, **more)

    def item(self):
        """Values come back as often as they change."""
        key = {"externalId": self.draw.choice(KEYS)}
        if self.draw.random() < 0.7:
            return key | {"inventoryQuantity": self.draw.choice((1, 2))}
        names = self.draw.sample(list(VALUES), self.draw.randint(0, 3))
        return key | {name: self.draw.choice(VALUES[name]) for name in names}

    def upsert(self):
        """Some new items, and some that were sent before, alone or in other company."""
        sent = (item for batch in self.sent if batch.operation is Operation.UPSERT for item in batch.items)
        before = [item for item in sent if not any(poison.items() <= item.items() for poison in POISON)]
        begin = self.draw.choice((-3, -6, -9))
        known = before[begin:][:3] if self.draw.random() < 0.7 else self.draw.sample(before, min(len(before), 3))
        return self.batch(known + [self.item() for _ in range(self.draw.choice((0, 0, 1, 2)) or not known)])

    def window(self):
        kind = self.draw.random()
        if kind < 0.8:
            window = [self.upsert() for _ in range(self.draw.randint(1, 3))]
            again = self.draw.sample(self.sent, min(len(self.sent), self.draw.random() < 0.1))
            return window + again
        keys = [{"externalId": key} for key in self.draw.sample(KEYS, 2)]
        if kind < 0.83:
            return [self.batch(keys, Operation.DELETE)]
        if kind < 0.88:
            return [self.batch([{"externalId": key} for key in KEYS], Operation.RELEASE)]
        if kind < 0.92:
            by_hand = self.draw.choice(({}, {"variantId": None}))
            return [self.batch([key | by_hand for key in keys], Operation.CONNECT)]
        if kind < 0.94:
            return [self.batch([self.item()], replays=self.draw.randint(1, 9))]
        return [self.batch([self.item(), self.item() | self.draw.choice(POISON), self.item()]), self.upsert()]

    async def step(self):
        """Take one; a window that failed is done again, as the shard's owner does."""
        kind = self.draw.random()
        if kind < 0.75:
            window = self.window()
            number, done = self.draw.randint(1, 12), self.draw.random() < 0.5
            fails = self.draw.random() < 0.3
            results = [await self.applied(worker, window, fails and number, done=done) for worker in self.workers]
            assert fails or results[0] == results[1], window
            self.sent = [*self.sent, *(batch for batch in window if batch not in self.sent)][-6:]
        elif kind < 0.82:
            self.now += timedelta(minutes=self.draw.choice((1, 1, 2, 20, 600)))
        elif kind < 0.85:
            for worker in self.workers:
                worker.lose_the_session()
        else:
            plain, other = self.draw.random() < 0.75, self.draw.choice(OTHERWISE)
            await self.workers[0].connection.execute(PLAINLY if plain else other)

    async def applied(self, worker, window, number, *, done):
        if number:
            with fault(number, done=done), suppress(Transient):
                await worker.apply(window, self.now)
        return await worker.apply(window, self.now)


@pytest.mark.parametrize("seed", range(2))
async def test_a_worker_that_remembers_leaves_the_same_as_one_that_does_not(database, seed):
    workers = [Worker(1, Memory(5)), Worker(2, Memory())]
    for worker in workers:
        await worker.open(database)
    await workers[0].connection.execute(SETUP)
    before = REGISTRY.get_sample_value("feedline_remembered_items_total")
    walk = Walk(seed, workers)
    for number in range(STEPS):
        await walk.step()
        if number % 3 == 0:
            remembers, forgets = [await worker.stored() for worker in workers]
            assert remembers == forgets
    for worker in workers:
        await worker.connection.close()

    assert 0 < REGISTRY.get_sample_value("feedline_remembered_items_total") - before
