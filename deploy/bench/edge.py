"""The edge without the rest of the road, against a bare aiohttp handler of the same posts, each at its best.

A post waits at the edge for the broker's confirm, so that few connections tell how long that takes and not what the
edge can: each side is driven over several numbers of connections, and its best counts.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from deploy.bench.load import Drive, Load, drive
from deploy.bench.meters import cpu_s
from deploy.bench.report import Report
from deploy.bench.system import System
from deploy.local.processes import free_port

CONNECTIONS = (32, 128, 256)
_TARGET = 0.4


@dataclass(frozen=True, slots=True)
class Served:
    """What a process answered over so many connections, and the CPU seconds that it used."""

    connections: int
    load: Load
    cpu_s: float

    @property
    def post_us(self) -> float:
        """CPU microseconds of a post."""
        return self.cpu_s * 1e6 / self.load.posts

    @property
    def core(self) -> float:
        """The share of a core that it had."""
        return self.cpu_s / self.load.seconds


async def alone(running: System, report: Report, file: Path, seconds: int) -> None:
    """Measure one round: both sides for so many seconds, divided among the numbers of connections."""
    port = free_port()
    with running.role("bare", "deploy.bench.bare", str(port)) as pid:
        await listening(port)
        bare = await _best(f"http://127.0.0.1:{port}/", pid, file, seconds)
    async with running.edge() as (url, pid):
        edge = await _best(url, pid, file, seconds)
    told(report, bare, edge)


def told(report: Report, bare: Served, edge: Served) -> None:
    """Add a round to the report."""
    paces = edge.load.posts_per_second, bare.load.posts_per_second
    report.add("a bare aiohttp handler", paces[1], "posts/s")
    report.at_least("the edge alone", paces[0], "posts/s", of=paces[1], target=_TARGET)
    report.add("  CPU a post: a bare handler", bare.post_us, "µs")
    report.add("  CPU a post: the edge", edge.post_us, "µs")
    report.add(
        "  posts a second of CPU: the edge, to a bare handler", 1e6 / edge.post_us, "posts", of=1e6 / bare.post_us
    )
    for name, one in (("a bare handler", bare), ("the edge", edge)):
        report.add(f"  share of a core: {name}", 100 * one.core, "%")
        report.add(f"  connections at its best: {name}", one.connections, "connections")


async def _best(url: str, pid: int, file: Path, seconds: int) -> Served:
    """Return what was answered fastest."""
    tried = []
    for connections in CONNECTIONS:
        before = cpu_s(pid)
        load = await drive(url, file, Drive(max(1, seconds // len(CONNECTIONS)), connections))
        tried.append(Served(connections, load, cpu_s(pid) - before))
    return max(tried, key=lambda one: one.load.posts_per_second)


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
