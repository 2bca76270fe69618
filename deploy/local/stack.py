"""The local stack: private servers, migrations, the demo and every role as a child process, until told to stop.

Start: RabbitMQ and Postgres side by side → migrations and demo (while RabbitMQ boots) → roles → `stack.json`.
Stop: intake roles → workers, which drain → servers; each step has its share of the 15 seconds that a stop may take.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from typing import Any

from deploy.demo import account as demo
from deploy.demo import feeds as demo_feeds
from deploy.local import canary
from deploy.local.addresses import Refused, choose_ports, is_ready, url
from deploy.local.children import Children
from deploy.local.folder import Local
from deploy.local.processes import MARKER, Program, end_marked, free_port, is_free, marked
from deploy.local.prometheus import Prometheus
from deploy.local.roles import ROLES, Role
from deploy.local.screen import Facts, Screen
from deploy.local.servers import Servers
from deploy.migrate import migrate
from ingest.pages.sessions.links import new_link
from ingest.pages.sessions.roles import Role as PersonRole
from schemas.postgres import Session
from schemas.secrets import new_token
from schemas.settings import Settings

_STOP_SHARE_S = 4.0
_ECHO_S = 1.0
_ROTATE_S = 10.0


class Stack:
    """One run of the local stack.

    `settings` are the environment's, with placeholders where private servers are wanted; `explicit` names the
    settings that somebody chose, in lower case.
    """

    def __init__(self, local: Local, settings: Settings, screen: Screen, explicit: frozenset[str]) -> None:
        self.local = local
        self.settings = settings
        self.screen = screen
        self._explicit = explicit
        self._environment = {MARKER: local.marker}
        self._prometheus: Prometheus | None = None
        self._children = Children(screen, local.logs, self._publish)
        self._servers = Servers(local, settings, explicit, self._children, screen)
        self._monitors: dict[str, int] = {}
        self._published: dict[str, Any] | None = None
        self._told_at = 0.0
        self._port, self._api_port = choose_ports(settings, explicit, local, screen.notice)
        self._vendor_ports = {scheme: local.port(f"vendor-{scheme}") for scheme in ("http", "ftp")}

    async def run(self) -> int:
        """Start everything, wait for SIGINT or SIGTERM, stop everything; return the exit code."""
        told = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._told, number, told)
        starting, waiting = asyncio.create_task(self._start()), asyncio.create_task(told.wait())
        rotating = asyncio.create_task(self._rotate_logs())
        try:
            await asyncio.wait([starting, waiting], return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                await canary.tell(await starting, self.settings.shards, self.screen, waiting)
        except Refused as refusal:
            self.screen.trouble(str(refusal))
            return 1
        finally:
            for task in (starting, waiting, rotating):
                task.cancel()
            await self._stop()
        return 0

    async def _rotate_logs(self) -> None:
        while True:
            await asyncio.sleep(_ROTATE_S)
            try:
                await asyncio.to_thread(self.local.rotate)
            except OSError as error:
                self.screen.notice(f"logs cannot be put aside ({error})")

    def _told(self, number: int, told: asyncio.Event) -> None:
        """Stop; at a second Ctrl-C, later than the echo that make and process groups give of the first, at once."""
        now = asyncio.get_running_loop().time()
        if not told.is_set():
            self._told_at = now
            told.set()
        elif number == signal.SIGINT and now - self._told_at > _ECHO_S:
            self.screen.notice("killing what has not stopped yet")
            for pid in marked(self._environment[MARKER]):
                os.kill(pid, signal.SIGKILL)

    async def _start(self) -> str:
        """Start everything; return the address of the Postgres."""
        left = await asyncio.to_thread(self.local.clean_up)
        if left:
            self.screen.notice(f"ended what an earlier launcher had left behind (processes: {left})")
        await self._servers.start()
        database_url = self._servers.database_url
        self._add_roles(self._role_environment())
        applied = await asyncio.to_thread(migrate, database_url)
        self.screen.done("Migrations", f"{len(applied)} applied" if applied else "nothing to apply")
        token = self.local.secret("api-token", new_token)
        seeded = await asyncio.to_thread(demo.seed, database_url, token)
        key = self.settings.key
        pulled = await asyncio.to_thread(demo_feeds.seed, database_url, seeded.account_id, self._vendor_ports, key)
        self.screen.done("Demo account", f"daily limit 10,000, {len(pulled)} feeds to pull")
        await self._servers.wait_broker()
        await self._wait_roles()
        await self._start_prometheus()
        self._published = {
            "edgeUrl": url(self.settings.host, self._port),
            "apiUrl": url(self.settings.host, self._api_port),
            "apiToken": token,
            "demoFeed": {"id": seeded.feed_id, "hash": seeded.feed_hash},
            "databaseUrl": database_url,
            "amqpUrl": self._servers.amqp_url,
        }
        self._publish()
        link = await _link(database_url, seeded.account_id)
        self.screen.ready(self._facts(seeded.feed_hash, link))
        return database_url

    async def _start_prometheus(self) -> None:
        """With MONITORING=1: a private Prometheus with the rules of deploy/monitoring, if the machine has one."""
        if os.environ.get("MONITORING") != "1":
            return
        if not Prometheus.is_installed():
            self.screen.notice("MONITORING=1, but there is no Prometheus: apt-get install prometheus")
            return
        folder, log = self.local.folder / "prometheus", self.local.log("prometheus")
        prometheus = Prometheus(folder, {**os.environ, **self._environment}, log)
        prometheus.port = self.local.port("prometheus")
        prometheus.tell(self._monitor_urls())
        self._children.add("prometheus", "Prometheus", prometheus.prepared, prometheus.answers)
        await self._children.wait_ready("prometheus", "Prometheus")
        self._prometheus = prometheus
        self.screen.done("Prometheus", prometheus.url)

    def _role_environment(self) -> dict[str, str]:
        return {
            **os.environ,
            **self._environment,
            "DATABASE_URL": self._servers.database_url,
            "AMQP_URL": self._servers.amqp_url,
            "SECRET_KEY": self.settings.secret_key.get_secret_value(),
            "PORT": str(self._port),
            "API_PORT": str(self._api_port),
            "PUBLIC_API_URL": self.settings.public_api_url or url(self.settings.host, self._api_port),
            "EDGE_URL": self.settings.edge_url or url(self.settings.host, self._port),
            "PULL_ALLOW_NETWORKS": ",".join(self.settings.pull_allow_networks) or "127.0.0.0/8,::1/128",
            "DEMO_VENDOR_HTTP_PORT": str(self._vendor_ports["http"]),
            "DEMO_VENDOR_FTP_PORT": str(self._vendor_ports["ftp"]),
            "REUSE_PORT": str(self.settings.reuse_port or self.settings.edge_processes > 1).lower(),
            "STOP_DELAY_MS": str(self.settings.stop_delay_ms if "stop_delay_ms" in self._explicit else 0),
            "STOP_TIMEOUT_MS": str(int(self._stop_share_s() * 1000) - 500),
        }

    def _add_roles(self, environment: dict[str, str]) -> None:
        """Start the roles' processes; they load their modules and hold."""
        for role in ROLES:
            for number in range(1, role.count(self.settings) + 1):
                self._add_role(role, number, environment)

    async def _wait_roles(self) -> None:
        """Let the roles go and wait until they are ready."""
        mine = [role for role in ROLES if self._children[role.name]]
        for child in (child for role in mine for child in self._children[role.name]):
            child.go.set()
        for role in mine:
            await self._children.wait_ready(role.name, role.label)
            count = len(self._children[role.name])
            self.screen.done(role.label, f"{count} process{'es' if count > 1 else ''}")

    def _add_role(self, role: Role, number: int, environment: dict[str, str]) -> None:
        name = f"{role.name}-{number}"
        host = self.settings.monitor_host
        offset = len(self._monitors)
        self._monitors[name] = self.settings.monitor_port + offset if self.settings.monitor_port else free_port(host)

        def make() -> Program:
            if not self.settings.monitor_port and not is_free(self._monitors[name], host):
                self._monitors[name] = free_port(host)
            own = {**environment, "MONITOR_PORT": str(self._monitors[name])}
            return Program(role.command(), own, self.local.log(name), stdin=subprocess.PIPE)

        self._children.add(role.name, name, make, lambda: is_ready(f"{url(host, self._monitors[name])}/readyz"))

    def _publish(self) -> None:
        """Write `stack.json` again, as long as the stack is ready."""
        if self._published is None:
            return
        pids = self._children.pids(["edge", "api", "pull", "workers", "watch", "postgres", "rabbitmq"])
        monitors = self._monitor_urls()
        if self._prometheus:
            self._prometheus.tell(monitors)
        self.local.publish({**self._published, "pids": pids, "monitors": monitors, "launcherPid": os.getpid()})

    def _monitor_urls(self) -> dict[str, list[str]]:
        monitors: dict[str, list[str]] = {}
        for name, port in self._monitors.items():
            monitors.setdefault(name.rpartition("-")[0], []).append(url(self.settings.monitor_host, port))
        return monitors

    async def _stop(self) -> None:
        self._published = None
        self.local.note("stopping")
        self.local.withdraw()
        if self._children:
            self.screen.begin("stopping")
        intake, rest = ([role.name for role in ROLES if role.intake is first] for first in (True, False))
        for roles in (intake, ["prometheus", *rest], ("rabbitmq", "postgres")):
            await self._children.stop(roles, self._stop_share_s())
        await self._servers.stop_epmd()
        await asyncio.to_thread(end_marked, self._environment[MARKER], grace_s=0.5)

    def _stop_share_s(self) -> float:
        """Return the time that each step of a stop has: the one somebody chose, or a third of what a stop may take."""
        if "stop_timeout_ms" in self._explicit:
            return self.settings.stop_timeout_ms / 1000 + 0.5
        return _STOP_SHARE_S

    def _facts(self, feed_hash: str, link: str) -> Facts:
        rows = [
            ("API token", str(self.local.folder / "api-token")),
            ("Pulled feeds", "one of each kind; POST /api/inventory-feeds/:id/fetch.json fetches one"),
            ("Canary", "an item down every shard, every minute: feedline top"),
            ("Servers", self._servers.shown()),
            *([("Prometheus", self._prometheus.url)] if self._prometheus else []),
            ("Addresses, logs", f"{self.local.folder / 'stack.json'}, {self.local.logs}"),
        ]
        return Facts(
            edge_url=url(self.settings.host, self._port),
            api_url=url(self.settings.host, self._api_port),
            dashboard_url=url(self.settings.host, self._api_port) + link,
            feed_hash=feed_hash,
            rows=rows,
            token_file=str(self.local.folder / "api-token"),
        )


async def _link(database_url: str, account_id: int) -> str:
    connection = await Session("feedline-run").open(database_url)
    try:
        return await new_link(connection, account_id, PersonRole.OPERATOR)
    finally:
        await connection.close()
