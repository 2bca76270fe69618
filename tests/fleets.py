"""A fleet under test: real worker processes, a publisher, and an account of what became of everything published."""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
import uuid
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import asyncpg
import orjson
from aiormq.abc import AbstractChannel

from ingest.amqp.publish import Publisher, Unavailable
from schemas.batches import Batch, Source, new_batch_id
from schemas.settings import Settings
from schemas.topology import shard_queue
from tests.waiting import TIMEOUT_S, until
from tests.warm import Warm
from tests.worker import Worker

MANY, SLOWLY_S = 20, 2.0
SEED = """
INSERT INTO accounts (name) VALUES ('one');
INSERT INTO dropship_providers (account_id, name) VALUES (1, 'vendor');
INSERT INTO inventory_feeds (account_id, dropship_provider_id, name, resource_type, hash)
    SELECT 1, 1, 'feed ' || n, 'webhook', 'hash ' || n FROM generate_series(1, 8) n;
CREATE TABLE written (seq bigint GENERATED ALWAYS AS IDENTITY, feed_id bigint, quantity integer);
CREATE FUNCTION log_written() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO written (feed_id, quantity) VALUES (NEW.feed_id, NEW.inventory_quantity); RETURN NULL; END $$;
CREATE TRIGGER log_written AFTER INSERT OR UPDATE ON feed_variants FOR EACH ROW EXECUTE FUNCTION log_written();
"""


class Fleet:
    """Worker processes on one database and one virtual host; feeds 1 to 8 of account 1 on 4 shards."""

    feeds = range(1, 9)
    until = staticmethod(until)

    def __init__(self, settings: Settings, publisher: Publisher, warm: Warm) -> None:
        self.settings = settings
        self.publisher = publisher
        self._warm = warm
        self._connection: asyncpg.Connection | None = None
        self._asking = asyncio.Lock()
        self.sent: list[Batch] = []
        self._quantity: Counter[int] = Counter()

    @asynccontextmanager
    async def worker(self, **settings: Any) -> AsyncIterator[Worker]:
        """Run a worker process; it is stopped at the end, if it has not ended before."""
        changed = self.settings.model_dump(mode="json")
        secrets = {"database_url": self.settings.dsn, "amqp_url": self.settings.amqp, "secret_key": self.settings.key}
        environment = {
            name.upper(): value.decode() if isinstance(value, bytes) else str(value)
            for name, value in (changed | secrets | settings).items()
            if not isinstance(value, list)
        }
        environment["PGSSLMODE"] = os.environ["PGSSLMODE"]
        worker = Worker(await self._warm.start(("workers",), environment))
        try:
            worker.id = uuid.UUID((await worker.event("listening"))["worker"])
            yield worker
        finally:
            if worker.process.returncode is None:
                with suppress(TimeoutError):
                    await worker.stop()
            if worker.process.returncode is None:
                await worker.kill()
            sys.stderr.writelines(orjson.dumps(event).decode() + "\n" for event in worker.events)

    async def post(self, feed: int, *, external_id: str = "a", **reply: str) -> Batch:
        """Publish a batch that raises the quantity of a feed's item by one; returns it once it is confirmed."""
        now_ms = int(datetime.now(UTC).timestamp() * 1000)
        self._quantity[feed] += 1
        item = {"externalId": external_id, "inventoryQuantity": self._quantity[feed]}
        batch = Batch(new_batch_id(feed, now_ms, self.settings.key), 1, feed, now_ms, Source.WEBHOOK, [item])
        loop = asyncio.get_running_loop()
        patience = loop.time() + TIMEOUT_S
        while True:
            try:
                await self.publisher.publish(batch, **reply)
            except Unavailable as error:
                if loop.time() > patience:
                    raise AssertionError(f"a batch of feed {feed} was never taken: {error.reason}") from None
                await asyncio.sleep(0.05)  # as a sender does after a 503
            else:
                self.sent.append(batch)
                return batch

    def newest(self, feed: int) -> int:
        """Return the quantity that was last on its way."""
        return self._quantity[feed]

    async def post_all(self, times: int) -> None:
        """Publish that many batches of every feed, the feeds side by side."""

        async def of(feed: int) -> None:
            for _ in range(times):
                await self.post(feed)

        await asyncio.gather(*(of(feed) for feed in self.feeds))

    @asynccontextmanager
    async def posting(self, every_s: float = 0.1) -> AsyncIterator[None]:
        """Publish on, on all feeds, until the block ends; slowly after a while, for all of it has to be worked off."""
        done = asyncio.Event()

        async def of(feed: int) -> None:
            for number in itertools.count():
                if done.is_set():
                    return
                await self.post(feed)
                with suppress(TimeoutError):
                    await asyncio.wait_for(done.wait(), every_s if number < MANY else SLOWLY_S)

        tasks = [asyncio.create_task(of(feed)) for feed in self.feeds]
        try:
            yield
        finally:
            done.set()
            await asyncio.gather(*tasks)

    @asynccontextmanager
    async def held_window(self, worker: Worker, feed: int | None = None) -> AsyncIterator[None]:
        """Hold every window before it writes its receipts; yields once a window of `worker` waits there.

        With `feed` a batch of it is published once windows are held.
        """
        async with self.holding():
            if feed is not None:
                await self.post(feed)
            await self.held(worker)
            yield

    @asynccontextmanager
    async def holding(self) -> AsyncIterator[None]:
        """Hold every window before it writes its receipts."""
        holder = await asyncpg.connect(self.settings.dsn)
        try:
            await holder.execute("BEGIN; LOCK TABLE ONLY receipts IN SHARE MODE")
            yield
        finally:
            holder.terminate()

    async def held(self, worker: Worker) -> None:
        """Wait until a window of a worker is held."""
        sql = "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE $1 AND wait_event_type = 'Lock'"
        await until(lambda: self.fetch(sql, f"feedline-worker {worker.id.hex} shard %"), "a held window")

    async def fetch(self, sql: str, *arguments: Any) -> list[Any]:
        """Run one statement, over a connection that is kept while it lasts: who polls would open hundreds."""
        async with self._asking:
            if self._connection is None or self._connection.is_closed():
                self._connection = await asyncpg.connect(self.settings.dsn)
            return await self._connection.fetch(sql, *arguments)

    async def close(self) -> None:
        """Close what `fetch` opened."""
        if self._connection is not None:
            await self._connection.close()

    async def receipts(self) -> Counter[Any]:
        """Return how many receipts each batch has."""
        return Counter(row[0] for row in await self.fetch("SELECT batch_id FROM receipts"))

    async def progress(self) -> None:
        """Wait until something has been published on every feed, and until what was published by then is applied."""

        async def begun() -> bool:
            return {batch.feed_id for batch in self.sent} == set(self.feeds)

        await until(begun, "a batch on every feed")
        newest = dict(self._quantity)

        stored: dict[int, int] = {}

        async def applied() -> bool:
            nonlocal stored
            stored = dict(await self.fetch("SELECT feed_id, inventory_quantity FROM feed_variants"))
            return all(stored.get(feed, 0) >= quantity for feed, quantity in newest.items())

        await until(applied, lambda: f"progress to {newest}: {stored}")

    async def all_in_hand(self, channel: AbstractChannel) -> bool:
        """Return whether no queue has a message that waits to be delivered."""
        found = [await channel.queue_declare(shard_queue(shard), passive=True) for shard in range(4)]
        return not any(queue.message_count for queue in found)

    async def settled(self) -> None:
        """Wait until every published batch has its receipt; then check that it has one alone, and the order."""

        found = 0

        async def complete() -> bool:
            nonlocal found
            [(found,)] = await self.fetch("SELECT count(*) FROM receipts")
            return found >= len(self.sent)

        await until(complete, lambda: f"{len(self.sent)} receipts: {found}")
        assert dict.fromkeys((batch.batch_id for batch in self.sent), 1) == dict(await self.receipts())
        await self.in_order()

    async def in_order(self) -> None:
        """Check that no feed's item ever went back to an earlier value."""
        written = defaultdict(list)
        for feed, quantity in await self.fetch("SELECT feed_id, quantity FROM written ORDER BY seq"):
            written[feed].append(quantity)
        assert {feed: sorted(values) for feed, values in written.items()} == dict(written)
        assert {feed: self._quantity[feed] for feed in written} == {
            feed: values[-1] for feed, values in written.items()
        }
