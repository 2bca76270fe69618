"""One road under measurement: how fast it goes, and what an item costs of each part of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import aiohttp
import asyncpg

from deploy.bench import fair, meters
from deploy.bench.catalogue import Post
from deploy.bench.load import Drive, Load, count_posts, drive
from deploy.bench.report import Report
from deploy.bench.system import System
from schemas.items import MAX_ITEMS

_DRAIN_S = 180
OTHERS = "CPU of this machine that other work took meanwhile"
"""With more than a few per cent of it, latencies and ratios say little."""
GENERATOR = "load generator"
AN_ITEM = "an item"
"""The table of what it costs."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a stretch of the road came to; `pace` is items a second from the first post to the last commit.

    `outcomes` are items by what became of them, `window` is batches a window, `hot` the share of updates that stayed
    within their page (None: there were none), `lags_ms` median and 99th percentile from post to commit, `others` the
    share of the machine that other work took, `generator_us` the load generator's CPU time an item, which is no part of
    the road but has its share of the cores.
    """

    pace: float
    cpu_us: dict[str, float]
    wal_bytes: float
    outcomes: dict[str, int]
    window: float
    hot: float | None
    load: Load
    lags_ms: tuple[float, float]
    others: float
    generator_us: float

    def missed(self, outcome: str) -> float:
        """Return the share of the items that came to something else."""
        return 1 - self.outcomes.get(outcome, 0) / sum(self.outcomes.values())

    def told(self, report: Report, case: str) -> None:
        """Add what an item cost to the report."""
        told = {f"CPU: {part}": (used, "µs") for part, used in self.cpu_us.items()}
        told["CPU: all parts"] = (sum(self.cpu_us.values()), "µs")
        told[f"CPU: {GENERATOR}"] = (self.generator_us, "µs")
        told["WAL"] = (self.wal_bytes, "bytes")
        told["a window"] = (self.window, "batches")
        if self.hot is not None:
            told["HOT updates"] = (100 * self.hot, "%")
        for column, (value, unit) in told.items():
            report.part((AN_ITEM, case, column), value, unit)
        report.add(OTHERS, 100 * self.others, "%")
        if self.load.refused or self.load.failed:
            report.add(f"  posts refused or failed, {case}", self.load.refused + self.load.failed, "posts")


@dataclass(frozen=True, slots=True)
class Stretch:
    """Batches that are committed: how many, when the first one was received and when the last one was committed.

    Not from when the load generator was started: it reads its file first, of a million items for seconds.
    """

    batches: int
    began: datetime
    ended: datetime

    @property
    def seconds(self) -> float:
        """Return the time that they took."""
        return (self.ended - self.began).total_seconds()


@dataclass(frozen=True, slots=True)
class Road:
    """A running road: where it begins, the processes it is made of, and a connection to its Postgres."""

    running: System
    connection: asyncpg.Connection
    url: str
    roles: dict[str, list[int]]

    async def take(self, file: Path, how: Drive) -> Cost:
        """Send posts over vacuumed tables, wait for their commits, and return what that cost."""
        parts = self.roles | self.running.servers
        await fair.vacuum(self.connection)
        since = await self.now()
        before = await meters.read(self.connection, parts)
        load = await drive(self.url, file, how)
        if load.posts == load.refused:
            raise RuntimeError(f"no post was taken: {load}")
        stretch = await self.drained(since, load.posts - load.refused)
        used = (await meters.read(self.connection, parts)).since(before)
        items = stretch.batches * MAX_ITEMS
        return Cost(
            items / stretch.seconds,
            {part: seconds * 1e6 / items for part, seconds in used.cpu_s.items()},
            used.wal / items,
            await self._outcomes(since),
            await self._batches_a_window(since),
            used.hot / used.updates if used.updates else None,
            load,
            await self._lags_ms(since),
            used.others,
            load.cpu_s * 1e6 / items,
        )

    async def store(self, made: list[Post]) -> None:
        """Send every post once, one after the other, with quantity 1."""
        since = await self.now()
        async with aiohttp.ClientSession() as session:
            for post in made:
                headers = {"jetti-webhook-hash": post.feed.hash, "Content-Type": "application/json"}
                async with session.post(self.url, data=post.body(1), headers=headers) as response:
                    response.raise_for_status()
        await self.drained(since, len(made))
        await self.connection.execute("VACUUM ANALYZE")

    async def put_back(self, file: Path, seconds: int) -> None:
        """Send every post of a file with quantity 1, however long that takes: what was changed is not unchanged."""
        posts = count_posts(file)
        while (await self.take(file, Drive(seconds, quantity=1))).load.posts < posts:
            seconds *= 2  # each pass begins with the first post

    async def _lags_ms(self, since: datetime) -> tuple[float, float]:
        """Return median and 99th percentile from post to commit of what was received since then."""
        row = await self.connection.fetchval(
            "SELECT percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY 1000 * extract(epoch FROM "
            "pg_xact_commit_timestamp(xmin) - received_at)) FROM receipts WHERE received_at >= $1",
            since,
        )
        return row[0], row[1]

    async def _outcomes(self, since: datetime) -> dict[str, int]:
        """Return how many of the items that were received since then came to what."""
        rows = await self.connection.fetch(
            "SELECT key, sum(value::bigint)::bigint FROM receipts, jsonb_each_text(counts) "
            "WHERE received_at >= $1 GROUP BY key",
            since,
        )
        return dict(rows)

    async def _batches_a_window(self, since: datetime) -> float:
        found: float = await self.connection.fetchval(
            "SELECT count(*)::float8 / count(DISTINCT xmin::text) FROM receipts WHERE received_at >= $1", since
        )
        return found

    async def drained(self, since: datetime, batches: int) -> Stretch:
        """Wait until so many batches received since then are committed."""
        async with asyncio.timeout(_DRAIN_S):
            while True:
                row = await self.connection.fetchrow(
                    "SELECT count(*), min(received_at), max(pg_xact_commit_timestamp(xmin)) FROM receipts "
                    "WHERE received_at >= $1",
                    since,
                )
                if row[0] >= batches and row[2]:
                    return Stretch(*row)
                await asyncio.sleep(0.2)

    async def now(self) -> datetime:
        """Return Postgres' clock, which is this machine's."""
        moment: datetime = await self.connection.fetchval("SELECT clock_timestamp()")
        return moment


@asynccontextmanager
async def road(running: System) -> AsyncIterator[Road]:
    """Run an edge and the workers of a system."""
    async with running.workers() as workers, running.edge() as (url, edge):
        connection = await asyncpg.connect(running.dsn)
        try:
            yield Road(running, connection, url, {"edge": [edge], "workers": workers})
        finally:
            await connection.close()
