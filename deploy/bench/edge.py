"""The edge without the rest of the road, against a bare aiohttp handler of the same posts."""

from __future__ import annotations

import asyncio
from pathlib import Path

from deploy.bench.load import Drive, drive
from deploy.bench.meters import cpu_s
from deploy.bench.report import Report
from deploy.bench.system import System
from deploy.local.processes import free_port

_TARGET = 0.4


async def alone(running: System, report: Report, file: Path, seconds: int) -> None:
    """Measure one round: posts a second of both, and the CPU time of a post."""
    port = free_port()
    with running.role("bare", "deploy.bench.bare", str(port)) as pid:
        await listening(port)
        before = cpu_s(pid)
        bare = await drive(f"http://127.0.0.1:{port}/", file, Drive(seconds))
        report.add("  CPU a post: a bare handler", (cpu_s(pid) - before) * 1e6 / bare.posts, "µs")
    report.add("a bare aiohttp handler", bare.posts_per_second, "posts/s")
    async with running.edge() as (url, pid):
        before = cpu_s(pid)
        load = await drive(url, file, Drive(seconds))
        report.add("  CPU a post: the edge", (cpu_s(pid) - before) * 1e6 / load.posts, "µs")
    report.at_least("the edge alone", load.posts_per_second, "posts/s", of=bare.posts_per_second, target=_TARGET)


async def listening(port: int) -> None:
    """Wait until a port of this machine takes connections."""
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
