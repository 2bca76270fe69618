"""Runs the peer (`peer/app.py`): the same posts, servers and cores, an environment of its own."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import asyncpg

from deploy.bench import fair
from deploy.bench.edge import listening
from deploy.bench.load import Drive, drive
from deploy.bench.meters import cpu_s
from deploy.bench.report import Report
from deploy.bench.system import HERE, System
from deploy.local.processes import free_port
from schemas.items import MAX_ITEMS

_FOLDER = Path(__file__).with_name("peer")
_ENVIRONMENT = HERE / ".local" / "peer"
_TABLES_S, _DRAIN_S = 60, 180


def environment() -> Path:
    """Return the peer's Python; makes its environment at the first time."""
    python = _ENVIRONMENT / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(_ENVIRONMENT)], check=True)  # noqa: S603 - our own interpreter
        requirements = str(_FOLDER / "requirements.txt")
        install = [str(python), "-m", "pip", "install", "--quiet", "--requirement", requirements]
        subprocess.run(install, check=True)  # noqa: S603 - our own interpreter
    return python


async def compete(running: System, report: Report, file: Path, rounds: int, seconds: int) -> None:
    """Measure the peer's road, all unchanged and all changed."""
    python = await asyncio.to_thread(environment)
    port = free_port()
    connection = await asyncpg.connect(running.dsn)
    try:
        with ExitStack() as stack:
            app = (str(python), str(_FOLDER / "app.py"))
            pids = [
                stack.enter_context(running.process(f"peer-worker-{place}", *app, "worker"))
                for place in range(running.road_workers)
            ]
            await _tables(connection)
            pids.append(stack.enter_context(running.process("peer-edge", *app, "edge", str(port))))
            await listening(port)
            url = f"http://127.0.0.1:{port}/"
            parts = [*pids, *(pid for server in running.servers.values() for pid in server)]
            for number in range(rounds):
                cases = [("all unchanged", 1, 0), ("all changed", 2 + 1_000 * number, 1)]
                if not number:
                    await _take(connection, url, file, Drive(seconds, quantity=1))
                for case, quantity, step in cases:
                    if number and not step:
                        await _take(connection, url, file, Drive(seconds, quantity=quantity))
                    before = sum(map(cpu_s, parts))
                    items, pace = await _take(connection, url, file, Drive(seconds, quantity=quantity, step=step))
                    report.add(f"the peer, lean, {case}", pace, "items/s")
                    used = (sum(map(cpu_s, parts)) - before) * 1e6 / items
                    report.add(f"  CPU an item: all parts, the peer, {case}", used, "µs")
    finally:
        await connection.close()


async def _take(connection: asyncpg.Connection, url: str, file: Path, how: Drive) -> tuple[int, float]:
    """Return the items received over vacuumed tables, and items a second from the first post to the last commit."""
    await fair.vacuum(connection)
    since = await connection.fetchval("SELECT clock_timestamp()")
    load = await drive(url, file, how)
    sent = load.posts - load.refused
    async with asyncio.timeout(_DRAIN_S):
        while True:
            row = await connection.fetchrow(
                "SELECT count(*) AS batches, min(received_at) AS first, max(pg_xact_commit_timestamp(xmin)) AS last "
                "FROM peer_batches WHERE received_at >= $1",
                since,
            )
            if row["batches"] >= sent:
                items = row["batches"] * MAX_ITEMS
                return items, items / (row["last"] - row["first"]).total_seconds()
            await asyncio.sleep(0.2)


async def _tables(connection: asyncpg.Connection) -> None:
    async with asyncio.timeout(_TABLES_S):
        made = "SELECT to_regclass('peer_items_vendor_sku')"
        while await connection.fetchval(made) is None:  # noqa: ASYNC110 - Postgres tells nobody
            await asyncio.sleep(0.1)
