"""The whole fleet: brokers, primary and standby, two edges behind HAProxy, three workers, one of each other role."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

import psycopg

from deploy.local.processes import MARKER, end_marked, free_port
from deploy.migrate import migrate
from schemas.settings import Settings
from tests import fleets
from tests.fleet.balancer import Balancer
from tests.fleet.cluster import Cluster
from tests.fleet.databases import Databases
from tests.fleet.load import Load, until
from tests.fleet.network import Network
from tests.fleet.roles import Role

SHARDS = 6
_CONSUMING = """
SELECT count(DISTINCT workers.id), count(DISTINCT worker_id)
FROM workers LEFT JOIN shard_state ON workers.id = worker_id AND since IS NOT NULL
"""
_GRACE_S = 10


class Fleet:
    """Started once for all tests; each leaves it whole."""

    def __init__(self, folder: Path, network: Network | None) -> None:
        self._marker = {MARKER: f"fleet-{secrets.token_hex(8)}"}
        self.network = network
        for name in ("brokers", "databases"):
            (folder / name).mkdir()
        self.brokers = Cluster(folder / "brokers", self._marker, network)
        self.databases = Databases(folder / "databases", self._marker)
        self._ports = [free_port(), free_port()]
        self.balancer = Balancer(folder / "haproxy", self._marker, self._ports)
        self.edges: list[Role] = []
        self.workers: list[Role] = []
        self.others: list[Role] = []

    @property
    def roles(self) -> list[Role]:
        """Return all of them, in the order in which they are rolled."""
        return [*self.edges, *self.workers, *self.others]

    async def start(self) -> None:
        """Start everything, servers first."""
        if self.network:
            self.network.start()
        await asyncio.gather(self.brokers.start(), asyncio.to_thread(self.databases.start))
        migrate(self.databases.primary().dsn)
        with psycopg.connect(self.databases.primary().dsn, autocommit=True) as connection:
            connection.execute(fleets.SEED)
        await asyncio.to_thread(self.balancer.start)
        self._describe_settings()
        self._describe_roles()
        await asyncio.gather(*(role.start() for role in self.roles))
        self.load = Load(self.balancer.url, f"{self.databases.dsn}?target_session_attrs=read-write")
        await self.whole()

    async def consumed_by(self, workers: int) -> bool:
        """Return whether so many workers consume shards, all that are alive."""
        return [(workers, workers)] == await self.load.fetch(_CONSUMING)

    async def whole(self) -> None:
        """Wait until every part is there: posts go to both edges, and every worker consumes."""
        await self.brokers.whole()
        await asyncio.to_thread(self.databases.whole)

        async def edges() -> bool:
            return await asyncio.to_thread(self.balancer.up) == len(self.edges)

        await until(edges, "HAProxy sends to both edges")
        await until(lambda: self.consumed_by(len(self.workers)), "all workers consume")

    async def stop(self) -> None:
        """Stop what runs and leave nothing behind."""
        try:
            for role in self.roles:
                await role.end()
            for server in (self.balancer, self.databases, self.brokers):
                await asyncio.to_thread(server.stop)
        finally:
            await asyncio.to_thread(end_marked, self._marker[MARKER], grace_s=_GRACE_S)
            if self.network:
                self.network.stop()

    def _describe_settings(self) -> None:
        self.settings = Settings(
            database_url=self.databases.dsn,
            amqp_url=self.brokers.url,
            secret_key=secrets.token_hex(16),
            shards=SHARDS,
            monitor_port=0,
        )
        self.environment = {
            "DATABASE_URL": self.settings.dsn,
            "AMQP_URL": self.settings.amqp,
            "SECRET_KEY": self.settings.key.decode(),
            "SHARDS": str(SHARDS),
        }

    def _describe_roles(self) -> None:
        environment = {**self._marker, **self.environment}
        self.edges = [
            Role(f"edge {number}", "ingest", "edge", environment={**environment, "PORT": str(port)})
            for number, port in enumerate(self._ports, 1)
        ]
        self.workers = [Role(f"worker {number}", "workers", environment=environment) for number in (1, 2, 3)]
        self.others = [
            Role("API", "ingest", "api", environment={**environment, "API_PORT": str(free_port())}),
            Role("puller", "ingest", "pull", environment=environment),
            Role("deliverer", "ingest", "deliver", environment=environment),
            Role("watcher", "workers", "watch", environment=environment),
        ]
