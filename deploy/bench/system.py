"""The system under measurement: private durable servers and the processes of the road, each started by itself."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import asyncpg

from deploy.bench.catalogue import Feed
from deploy.bench.fair import MeasuredPostgres
from deploy.local.postgres import Postgres
from deploy.local.processes import Program, free_port, spawn
from deploy.local.rabbitmq import RabbitMQ

FEEDS = 8
WORKERS = 2
ACCOUNT = 1
DAILY_SKU_LIMIT = 100_000_000
_READY_S = 60
_STOP_S = 15
HERE = Path(__file__).parents[2]
_MIGRATE = "import sys; from deploy.migrate import migrate; migrate(sys.argv[1])"


@dataclass(slots=True)
class System:
    """Addresses and processes of a running system."""

    folder: Path
    dsn: str
    environment: dict[str, str]
    postgres: Postgres
    rabbitmq: RabbitMQ
    code: Path
    road_workers: int = WORKERS
    """Worker processes of a road, and of the peer's."""
    feeds: list[Feed] = field(default_factory=list)
    monitors: dict[str, int] = field(default_factory=dict)
    """The port of each role's metrics, by its name."""

    @property
    def servers(self) -> dict[str, list[int]]:
        """The servers' process ids, by name."""
        running = (self.rabbitmq, self.postgres)
        return {server.name: [server.process.pid] for server in running if server.process}

    @contextmanager
    def role(self, name: str, *arguments: str, **environment: str) -> Iterator[int]:
        """Run one process of the road (`python -m ...`); yields its process id."""
        with self.process(name, sys.executable, "-m", *arguments, **environment) as pid:
            yield pid

    @contextmanager
    def process(self, name: str, *arguments: str, **environment: str) -> Iterator[int]:
        """Run any process with the addresses of the servers in its environment; yields its process id."""
        log = self.folder / f"{name}.log"
        program = Program(arguments, self.environment | environment, log, directory=self.code)
        process = spawn(program)
        try:
            yield process.pid
        finally:
            process.send_signal(program.stop_signal)
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    @asynccontextmanager
    async def edge(self) -> AsyncIterator[tuple[str, int]]:
        """Run an edge; yields its webhook address and process id when it is ready."""
        port, self.monitors["edge"] = free_port(), free_port()
        with self.role("edge", "ingest", "edge", PORT=str(port), MONITOR_PORT=str(self.monitors["edge"])) as pid:
            await _ready(f"http://127.0.0.1:{port}/readyz")
            yield f"http://127.0.0.1:{port}/webhooks/inventory-feeds/parse-webhooks.json", pid

    @asynccontextmanager
    async def workers(self, number: int | None = None) -> AsyncIterator[list[int]]:
        """Run so many workers (by default the road's); yields their process ids when each owns its shards."""
        ports = [free_port() for _ in range(number or self.road_workers)]
        with ExitStack() as stack:
            pids = [
                stack.enter_context(self.role(f"worker-{place}", "workers", MONITOR_PORT=str(port)))
                for place, port in enumerate(ports)
            ]
            for port in ports:
                await _ready(f"http://127.0.0.1:{port}/readyz")
            yield pids


@asynccontextmanager
async def system(folder: Path, code: Path = HERE) -> AsyncIterator[System]:
    """Start durable private servers in a fresh folder, with one account and its webhook feeds.

    `code` is the checkout that the processes of the road run.
    """
    postgres, rabbitmq = MeasuredPostgres(folder / "postgres"), RabbitMQ(folder / "rabbitmq")
    try:
        postgres.start()
        rabbitmq.start()
        _migrate(postgres.dsn, code)
        environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "DATABASE_URL": postgres.dsn,
            "AMQP_URL": rabbitmq.url,
            "SECRET_KEY": secrets.token_hex(32),
            "LOG_LEVEL": "warning",
        }
        made = System(folder, postgres.dsn, environment, postgres, rabbitmq, code)
        made.feeds = await _feeds(postgres.dsn)
        yield made
    finally:
        rabbitmq.stop()
        rabbitmq.stop_epmd()
        postgres.stop()
        postgres.close()


def _migrate(dsn: str, code: Path) -> None:
    """Let a checkout make the tables that it wants."""
    subprocess.run([sys.executable, "-c", _MIGRATE, dsn], cwd=code, check=True)  # noqa: S603 - our own interpreter


async def _feeds(dsn: str) -> list[Feed]:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(
            "INSERT INTO accounts (id, name, daily_sku_limit) VALUES ($1, 'benchmark', $2)", ACCOUNT, DAILY_SKU_LIMIT
        )
        provider = await connection.fetchval(
            "INSERT INTO dropship_providers (account_id, name) VALUES ($1, 'benchmark') RETURNING id", ACCOUNT
        )
        feeds = [
            await connection.fetchrow(
                "INSERT INTO inventory_feeds (account_id, dropship_provider_id, name, resource_type, hash) "
                "VALUES ($1, $2, $3, 'webhook', $4) RETURNING id, hash",
                ACCOUNT,
                provider,
                f"feed {number}",
                secrets.token_hex(16),
            )
            for number in range(FEEDS)
        ]
        return [Feed(feed["id"], feed["hash"]) for feed in feeds]
    finally:
        await connection.close()


async def _ready(url: str) -> None:
    async with asyncio.timeout(_READY_S), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(url) as response:
                    if response.status == 200:  # noqa: PLR2004
                        return
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.05)


def peak_mb(pid: int) -> float:
    """Return a process's peak resident memory in MB (VmHWM)."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0
