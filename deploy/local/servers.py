"""The Postgres and the RabbitMQ of a stack: private ones, or those that DATABASE_URL and AMQP_URL name."""

from __future__ import annotations

import asyncio

from deploy.local.addresses import check_amqp, check_database
from deploy.local.children import Children
from deploy.local.folder import Local
from deploy.local.postgres import Postgres
from deploy.local.processes import MARKER
from deploy.local.rabbitmq import RabbitMQ
from deploy.local.screen import Screen
from schemas.settings import Settings


class Servers:
    """Started in two steps: Postgres is used while RabbitMQ, which takes longest, still boots.

    `explicit` names the settings that somebody chose: a server that is among them is not started here.
    """

    def __init__(
        self, local: Local, settings: Settings, explicit: frozenset[str], children: Children, screen: Screen
    ) -> None:
        self._local = local
        self._settings = settings
        self._explicit = explicit
        self._children = children
        self._screen = screen
        self._environment = {MARKER: local.marker}
        self._postgres: Postgres | None = None
        self._rabbitmq: RabbitMQ | None = None

    @property
    def database_url(self) -> str:
        """Return the address of the Postgres in use."""
        return self._postgres.dsn if self._postgres else self._settings.dsn

    @property
    def amqp_url(self) -> str:
        """Return the address of the RabbitMQ in use."""
        return self._rabbitmq.url if self._rabbitmq else self._settings.amqp

    async def start(self) -> None:
        """Start those that are wanted; Postgres answers then. Raises `Refused`."""
        if "amqp_url" not in self._explicit:
            self._rabbitmq = node = self._new_rabbitmq()
            self._children.add("rabbitmq", "RabbitMQ", node.prepared, node.answers)
        if "database_url" not in self._explicit:
            self._postgres = cluster = self._new_postgres()
            self._children.add("postgres", "Postgres", cluster.prepared, cluster.answers)
            await self._children.wait_ready("postgres", "Postgres")
        else:
            await asyncio.to_thread(check_database, self.database_url)
        self._screen.done("Postgres", self._shown_postgres())

    async def wait_broker(self) -> None:
        """Wait until RabbitMQ answers, too; raises `Refused`."""
        if self._rabbitmq:
            await self._children.wait_ready("rabbitmq", "RabbitMQ")
        else:
            await check_amqp(self.amqp_url)
        self._screen.done("RabbitMQ", self._shown_rabbitmq())

    def shown(self) -> str:
        """Return both in a line."""
        return f"Postgres {self._shown_postgres()}; RabbitMQ {self._shown_rabbitmq()}"

    async def stop_epmd(self) -> None:
        """Stop what a stopped RabbitMQ leaves behind."""
        if self._rabbitmq:
            await asyncio.to_thread(self._rabbitmq.stop_epmd)

    def _new_postgres(self) -> Postgres:
        local = self._local
        cluster = Postgres(local.folder / "postgres", self._environment, log=local.log("postgres"))
        cluster.port = local.port("postgres")
        return cluster

    def _new_rabbitmq(self) -> RabbitMQ:
        local = self._local
        node = RabbitMQ(local.folder / "rabbitmq", self._environment, log=local.log("rabbitmq"))
        node.port, node.epmd_port = local.port("amqp"), local.port("epmd")
        node.distribution_port = local.port("distribution")
        node.prepare()
        return node

    def _shown_postgres(self) -> str:
        return f"private, port {self._postgres.port}" if self._postgres else "the one of DATABASE_URL"

    def _shown_rabbitmq(self) -> str:
        return f"private, port {self._rabbitmq.port}" if self._rabbitmq else "the one of AMQP_URL"
