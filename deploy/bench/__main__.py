"""Runs the benchmark, prints its table and writes its figures as JSON.

    python -m deploy.bench [--seconds N] [--json FILE]

All in one run on the same cores and with the same durability: Postgres alone (the ceiling), then the road with edge,
broker, workers, database and load generator, then the edge against a bare handler, then latency at half load.
"""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import aiohttp
import asyncpg
import click
import uvloop

from deploy.bench import ceiling, spans
from deploy.bench.catalogue import SKUS, Post, posts
from deploy.bench.load import Drive, Load, drive, write_posts
from deploy.bench.report import Report
from deploy.bench.system import ACCOUNT, System, cpu_s, family, peak_mb, system
from deploy.local.processes import free_port
from schemas.items import MAX_ITEMS

_WAITING_BATCHES = 20_000
_DRAIN_S = 120


@dataclass(slots=True)
class Bench:
    """What the parts of the benchmark share."""

    running: System
    report: Report
    seconds: int
    connection: asyncpg.Connection

    async def committed(self, since: datetime) -> tuple[int, datetime | None]:
        """Return how many batches received since then are committed, and when the last one was."""
        row = await self.connection.fetchrow(
            "SELECT count(*), max(pg_xact_commit_timestamp(xmin)) FROM receipts "
            "WHERE account_id = $1 AND received_at >= $2",
            ACCOUNT,
            since,
        )
        return row[0], row[1]

    async def drained(self, since: datetime, batches: int) -> datetime:
        """Wait until so many batches received since then are committed; return when the last one was."""
        async with asyncio.timeout(_DRAIN_S):
            while True:
                count, last = await self.committed(since)
                if count >= batches and last:
                    return last
                await asyncio.sleep(0.2)

    def cpu_s(self, roles: dict[str, list[int]]) -> dict[str, float]:
        """Return part → CPU seconds used so far, by the servers and by the processes of some roles."""
        assert self.running.postgres.process
        assert self.running.rabbitmq.process
        servers = {"Postgres": [self.running.postgres.process.pid], "RabbitMQ": [self.running.rabbitmq.process.pid]}
        return {part: sum(map(cpu_s, pids)) for part, pids in (roles | servers).items()}

    async def now(self) -> datetime:
        """Return Postgres' clock, which is this machine's."""
        moment: datetime = await self.connection.fetchval("SELECT clock_timestamp()")
        return moment


@dataclass(frozen=True, slots=True)
class Road:
    """One road under measurement: where it begins, what is sent, its ceiling and the processes it is made of."""

    url: str
    file: Path
    kind: str
    top: ceiling.Ceiling
    roles: dict[str, list[int]]


@click.command()
@click.option("--seconds", default=10, show_default=True, help="Length of each measurement.")
@click.option("--json", "path", type=click.Path(path_type=Path), default=Path(".local/bench.json"), show_default=True)
@click.option("--kind", "kinds", multiple=True, default=("lean", "rich"), show_default=True)
def main(seconds: int, path: Path, kinds: tuple[str, ...]) -> None:
    """Measure the road and print ratios against what Postgres alone can do in the same run."""
    report = uvloop.run(_run(seconds, kinds))
    path.parent.mkdir(parents=True, exist_ok=True)
    report.write(path)
    click.echo(f"\n{report.table()}\n\nThe same as JSON: {path}")


async def _run(seconds: int, kinds: tuple[str, ...]) -> Report:
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
    report = Report(machine)
    for case, microseconds in (await spans.measure()).items():
        report.add(f"to publish a batch, TRACING {case}", microseconds, "µs")
    folder = Path(tempfile.mkdtemp(prefix="feedline-bench-"))
    try:
        async with system(folder) as running:
            connection = await asyncpg.connect(running.dsn)
            try:
                bench = Bench(running, report, seconds, connection)
                for kind in kinds:
                    await _kind(bench, kind)
            finally:
                await connection.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return report


async def _kind(bench: Bench, kind: str) -> None:
    file = bench.running.folder / f"{kind}.posts"
    made = posts(kind, bench.running.feeds, seed=1)
    write_posts(file, made)
    _say(f"{kind} items: Postgres alone")
    top = await asyncio.to_thread(ceiling.measure, bench.running.dsn, kind, bench.seconds / 2)
    bench.report.add(f"Postgres alone, {kind}, all changed", top.changed, "items/s")
    bench.report.add(f"Postgres alone, {kind}, all unchanged", top.unchanged, "items/s")
    async with bench.running.workers() as workers, bench.running.edge() as (url, edge):
        _say(f"{kind} items: filling {SKUS:,} SKUs")
        await _fill(bench, url, made)
        road = Road(url, file, kind, top, {"edge": [edge], "workers": workers})
        changed = await _road(bench, road)
        if kind == "lean":
            await _latency(bench, url, file, changed / 2)
        _memory(bench, f"{kind} items", {"edge": edge, "worker 1": workers[0], "worker 2": workers[1]})
    if kind == "lean":
        await _edge_alone(bench, file)
        await _backlog(bench, file)


async def _fill(bench: Bench, url: str, made: list[Post]) -> None:
    """Store every SKU once, with quantity 1."""
    since = await bench.now()
    async with aiohttp.ClientSession() as session:
        for post in made:
            headers = {"jetti-webhook-hash": post.feed.hash, "Content-Type": "application/json"}
            async with session.post(url, data=post.body(1), headers=headers) as response:
                response.raise_for_status()
    await bench.drained(since, len(made))
    await bench.connection.execute("VACUUM ANALYZE feed_variants, feed_variant_details")


async def _road(bench: Bench, road: Road) -> float:
    """Measure items/s all unchanged, all changed, and all changed with change records; return the second."""
    top = road.top
    unchanged = await _case(bench, road, "all unchanged", Drive(bench.seconds, quantity=1, step=0))
    bench.report.at_least(f"the road, {road.kind}, all unchanged", unchanged, "items/s", of=top.unchanged, target=0.35)
    changed = await _case(bench, road, "all changed", Drive(bench.seconds, quantity=2, step=1))
    bench.report.at_least(f"the road, {road.kind}, all changed", changed, "items/s", of=top.changed, target=0.4)
    await bench.connection.execute("INSERT INTO change_streams (account_id, enabled) VALUES ($1, true)", ACCOUNT)
    kept = await _case(bench, road, "all changed and kept", Drive(bench.seconds, quantity=50_000, step=1))
    bench.report.at_least(
        f"the road, {road.kind}, all changed and kept, of all changed", kept, "items/s", of=changed, target=0.9
    )
    await bench.connection.execute("DELETE FROM change_streams")
    return changed


async def _case(bench: Bench, road: Road, case: str, how: Drive) -> float:
    """Return items/s from first post to last commit; add the CPU time of the parts to the report."""
    name = f"the road, {road.kind}, {case}"
    _say(name)
    since = await bench.now()
    before = bench.cpu_s(road.roles)
    load = await drive(road.url, road.file, how)
    last = await bench.drained(since, load.posts - load.refused)
    items = (await bench.committed(since))[0] * MAX_ITEMS
    for part, used_s in bench.cpu_s(road.roles).items():
        bench.report.add(f"  CPU an item: {part}, {case}", (used_s - before[part]) * 1e6 / items, "µs")
    _trouble(bench, name, load)
    return items / (last - since).total_seconds()


async def _latency(bench: Bench, url: str, file: Path, items_per_second: float) -> None:
    _say("latency at half load")
    since = await bench.now()
    how = Drive(bench.seconds, quantity=100_000, step=1, rate=items_per_second / MAX_ITEMS)
    load = await drive(url, file, how)
    await bench.drained(since, load.posts - load.refused)
    row = await bench.connection.fetchrow(
        "SELECT percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY 1000 * extract(epoch FROM "
        "pg_xact_commit_timestamp(xmin) - received_at)) FROM receipts WHERE account_id = $1 AND received_at >= $2",
        ACCOUNT,
        since,
    )
    bench.report.add("load for latency (half of all changed)", load.posts_per_second * MAX_ITEMS, "items/s")
    bench.report.add("202, p50", load.p50_ms, "ms")
    bench.report.below("202, p99", load.p99_ms, "ms", target=50)
    bench.report.add("post to commit, p50", row[0][0], "ms")
    bench.report.below("post to commit, p99", row[0][1], "ms", target=250)
    _trouble(bench, "latency", load)


async def _edge_alone(bench: Bench, file: Path) -> None:
    _say("a bare aiohttp handler, then the edge alone")
    port = free_port()
    with bench.running.role("bare", "deploy.bench.bare", str(port)):
        await _listening(port)
        bare = await drive(f"http://127.0.0.1:{port}/", file, Drive(bench.seconds))
    bench.report.add("a bare aiohttp handler", bare.posts_per_second, "posts/s")
    async with bench.running.edge() as (url, _):
        load = await drive(url, file, Drive(bench.seconds))
    bench.report.at_least("the edge alone", load.posts_per_second, "posts/s", of=bare.posts_per_second, target=0.2)
    _trouble(bench, "the edge alone", load)


async def _backlog(bench: Bench, file: Path) -> None:
    """Measure memory while batches wait: with no worker, post until they do, then let the workers take them."""
    _say(f"memory with {_WAITING_BATCHES:,} batches waiting")
    async with bench.running.edge() as (url, edge):
        waiting = 0
        while waiting < _WAITING_BATCHES:
            load = await drive(url, file, Drive(5, rate=_WAITING_BATCHES / 5))
            waiting += load.posts - load.refused
        started = time.monotonic()
        since = await bench.now()
        async with bench.running.workers() as workers:
            await _empty(bench)
            took = time.monotonic() - started
            names = {"edge": edge, "worker 1": workers[0], "worker 2": workers[1]}
            _memory(bench, f"{_WAITING_BATCHES:,} batches waiting", names)
        _say(f"the backlog took {took:.0f} s since {since:%H:%M:%S}")
    broker = bench.running.rabbitmq.process
    assert broker
    largest = max(peak_mb(pid) for pid in family(broker.pid))
    bench.report.add("peak memory, RabbitMQ", largest, "MB")


async def _empty(bench: Bench) -> None:
    """Wait until no batch has been committed for a second after the first one was."""
    before = -1
    async with asyncio.timeout(_DRAIN_S):
        while True:
            count = await bench.connection.fetchval("SELECT count(*) FROM receipts")
            if count == before:
                return
            before = count
            await asyncio.sleep(2)


async def _listening(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


def _memory(bench: Bench, when: str, pids: dict[str, int]) -> None:
    for name, pid in pids.items():
        bench.report.below(f"peak memory, {name}, {when}", peak_mb(pid), "MB", target=150)


def _trouble(bench: Bench, name: str, load: Load) -> None:
    if load.refused or load.failed:
        bench.report.add(f"{name}: posts refused or failed", load.refused + load.failed, "posts")


def _say(what: str) -> None:
    click.echo(f"· {what}", err=True)


if __name__ == "__main__":
    main()
