"""A puller under test: a vendor's HTTP server, a real broker and database, a real worker, a clock that stands still."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from ingest.feeds.runs import RUN_SQL
from ingest.pull.main import Puller, connected
from schemas.secrets import Vault
from schemas.settings import Settings
from tests.waiting import until
from workers.service import Worker

TIMEOUT_S = 120
START = datetime(2026, 5, 4, 10, 20, tzinfo=UTC)


class Vendor:
    """A vendor's HTTP server: `files` are served with an ETag; a file may also be a status, or a handler of its own."""

    def __init__(self) -> None:
        self.files: dict[str, Any] = {}
        self.asked: list[tuple[str, int]] = []
        app = web.Application()
        app.router.add_get("/{name}", self._answer)
        self.server = TestServer(app)

    def url(self, name: str) -> str:
        """Return the address of a file, with credentials that must never be shown."""
        return f"http://ann:s3cret@{self.server.host}:{self.server.port}/{name}"

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        content = self.files.get(name, 404)
        if callable(content):
            return await content(request)
        if isinstance(content, int):
            response = web.Response(status=content)
        else:
            body = content.encode() if isinstance(content, str) else content
            tag = f'"{hash(body):x}"'
            fresh = request.headers.get("If-None-Match") == tag
            response = web.Response(status=304 if fresh else 200, body=b"" if fresh else body, headers={"ETag": tag})
        self.asked.append((name, response.status))
        return response


class Pulling:
    """Feeds, runs and what became of them."""

    def __init__(self, settings: Settings, of_workers: Settings, pool: asyncpg.Pool, vendor: Vendor) -> None:
        self.settings = settings
        self.of_workers = of_workers
        self.pool = pool
        self.vendor = vendor
        self.now = START

    def clock(self) -> datetime:
        """Return the time that schedules are read by."""
        return self.now

    def later(self, **span: float) -> None:
        """Let time pass."""
        self.now += timedelta(**span)

    async def execute(self, sql: str, *arguments: Any) -> Any:
        """Run one statement; return its first row, if any."""
        return await self.pool.fetchrow(sql, *arguments)

    async def rows(self, sql: str, *arguments: Any) -> list[Any]:
        """Return all rows."""
        return await self.pool.fetch(sql, *arguments)

    async def feed(self, name: str = "stock.csv", resource_type: str = "ftpCsv", **settings: Any) -> int:
        """Return the id of a new feed that is only fetched when asked to."""
        secrets = Vault(self.settings.key).encrypt({"resourceLocation": self.vendor.url(name)})
        row = await self.execute(
            "INSERT INTO inventory_feeds (account_id, dropship_provider_id, name, resource_type, hash, settings,"
            " secrets) VALUES (1, 1, $1, $2, md5(random()::text), $3, $4) RETURNING id",
            name,
            resource_type,
            orjson.dumps({"fetchFrequency": "never", **settings}).decode(),
            secrets,
        )
        return row["id"]

    async def queue(self, feed: int, *, forced: bool = False) -> int:
        """Ask for a run; return its id."""
        row = await self.execute(
            "INSERT INTO runs (account_id, feed_id, trigger, forced) VALUES (1, $1, 'manual', $2) RETURNING id",
            feed,
            forced,
        )
        return row["id"]

    async def approve(self, run_id: int) -> None:
        """Approve a held run, as the API does."""
        async with self.pool.acquire() as connection:
            assert await RUN_SQL.approve_run(connection, account_id=1, run_id=run_id)

    async def cancel(self, run_id: int) -> None:
        """Cancel a run, as the API does."""
        async with self.pool.acquire() as connection:
            assert await RUN_SQL.cancel_run(connection, account_id=1, run_id=run_id)

    async def run(self, puller: Puller, feed: int, *, forced: bool = False) -> Any:
        """Carry one run of a feed out; return its row."""
        run_id = await self.queue(feed, forced=forced)
        return await self.carry_out(puller, run_id)

    async def carry_out(self, puller: Puller, run_id: int) -> Any:
        """Let a puller look once and finish what it took; return the row of a run."""
        async with asyncio.timeout(TIMEOUT_S):
            await puller.scheduler.turn()
            await puller.scheduler.idle()
        return await self.row(run_id)

    async def row(self, run_id: int) -> Any:
        """Return a run's row as a dict, counts decoded."""
        row = dict(await self.execute("SELECT * FROM runs WHERE id = $1", run_id))
        return {**row, "counts": orjson.loads(row["counts"])}

    async def until(self, run_id: int, **expected: Any) -> Any:
        """Wait until a run's row is there and has these values; a function is asked about the value."""
        row = None

        async def there() -> bool:
            nonlocal row
            if not await self.execute("SELECT 1 FROM runs WHERE id = $1", run_id):
                return False
            row = await self.row(run_id)
            return all(want(row[name]) if callable(want) else want == row[name] for name, want in expected.items())

        await until(there, lambda: f"{expected}: {row}")
        return row

    async def stuck(self, run_id: int) -> Any:
        """Wait until a run has published some of its parts; return its row."""
        return await self.until(run_id, stage="publishing", batches=lambda batches: batches > 0)

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Run a worker that applies what is published."""
        worker = Worker(self.of_workers)
        task = asyncio.create_task(worker.run())
        try:
            yield
        finally:  # else it would work on for the tests behind
            worker.stop()
            await task

    async def quantities(self, feed: int) -> dict[str, int | None]:
        """Return external id → quantity of what is stored."""
        rows = await self.rows("SELECT external_id, inventory_quantity FROM feed_variants WHERE feed_id = $1", feed)
        return dict(sorted((row["external_id"], row["inventory_quantity"]) for row in rows))

    async def state(self, feed: int) -> Any:
        """Return the puller's state of a feed."""
        return await self.execute("SELECT * FROM pull_feeds WHERE feed_id = $1", feed)


@pytest.fixture
def amqp_url(two_shards):
    """Two shards are enough here, and quicker to take than four; they stand already."""
    return two_shards


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    """A vendor's server."""
    found = Vendor()
    async with found.server:
        yield found


@pytest.fixture
async def pulling(settings, least_privilege, tmp_path, vendor) -> AsyncIterator[Pulling]:
    """An account, a provider and settings for quick tests; a lease outlasts a machine that is slow for seconds."""
    quick = settings.model_copy(
        update={
            "shards": 2,
            "pull_allow_networks": ("127.0.0.0/8",),
            "pull_folder": str(tmp_path),
            "pull_attempts": 1,
            "pull_poll_ms": 200,
            "heartbeat_ms": 200,
        }
    )
    async with asyncpg.create_pool(quick.dsn, min_size=1, max_size=3) as pool:
        await pool.execute("INSERT INTO accounts (id, name) VALUES (1, 'first')")
        await pool.execute("INSERT INTO dropship_providers (id, account_id, name) VALUES (1, 1, 'Acme')")
        yield Pulling(least_privilege(quick, "pull"), quick, pool, vendor)


@pytest.fixture
async def puller(pulling) -> AsyncIterator[Puller]:
    """A puller that looks when a test tells it to."""
    async with connected(pulling.settings, pulling.clock) as found:
        yield found


@pytest.fixture
async def worker(pulling) -> AsyncIterator[None]:
    """A worker that applies what is published."""
    async with pulling.working():
        yield
