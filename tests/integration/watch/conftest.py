"""Processes of every role on a fresh database and virtual host, with short intervals."""

from __future__ import annotations

import asyncio
import os
import signal
import urllib.request
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.processes import free_port
from deploy.local.rabbitmq import script
from tests.waiting import until

SHARDS = 2
WATCH_MS = 200
START_S, ANSWER_S = 180, 60
COMMANDS = {
    "edge": ("ingest", "edge"),
    "pull": ("ingest", "pull"),
    "worker": ("workers",),
    "watch": ("workers", "watch"),
}


class Process:
    """One process of a role."""

    def __init__(self, process, monitor):
        self.process, self.monitor, self.events = process, monitor, []
        self._reading = asyncio.create_task(self._read())

    async def _read(self):
        async for line in self.process.stderr:
            self.events.append(line.decode())

    async def metrics(self):
        """Return the samples of /metrics: (name, labels) → value."""

        def get():
            with urllib.request.urlopen(f"http://{self.monitor}/metrics", timeout=ANSWER_S) as answer:
                return answer.read().decode()

        text = await asyncio.to_thread(get)
        return {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    async def named(self, name):
        """Return labels → value of one metric."""
        return {key[1:]: value for key, value in (await self.metrics()).items() if key[0] == name}

    async def end(self, number=signal.SIGTERM):
        if self.process.returncode is None:
            self.process.send_signal(number)
        await self.process.wait()
        await self._reading


class System:
    """Starts roles; what is started is stopped at the end."""

    def __init__(self, settings, stack, least_privilege, warm):
        self._stack, self._warm = stack, warm
        self._addresses = {role: least_privilege(settings, role).dsn for role in ("edge", "api", "watch")}
        self.edge_port = free_port()
        changed = {
            "DATABASE_URL": settings.dsn,
            "AMQP_URL": settings.amqp,
            "SECRET_KEY": settings.secret_key.get_secret_value(),
            "SHARDS": SHARDS,
            "PORT": self.edge_port,
            "API_PORT": 0,
            "EDGE_URL": f"http://127.0.0.1:{self.edge_port}",
            "HEARTBEAT_MS": 200,
            "HEARTBEAT_TIMEOUT_MS": 60_000,  # who is busy is not dead
            "WATCH_MS": WATCH_MS,
            "CANARY_MS": 500,
            "STOP_DELAY_MS": 0,
        }
        self.environment = {"PATH": os.environ["PATH"], **{name: str(value) for name, value in changed.items()}}

    async def feedline(self, *arguments, **environment):
        """Run a command; return its exit status and what it wrote."""
        return await self._warm.feedline(self.environment | environment, *arguments)

    async def start(self, role, port=None, **settings):
        """Start a process of a role and wait until it is ready."""
        monitor = port or free_port()
        own = {**self._address(role), "MONITOR_PORT": str(monitor)}
        process = await self._warm.start(COMMANDS[role], {**self.environment, **own, **settings})
        started = Process(process, f"127.0.0.1:{monitor}")
        self._stack.push_async_callback(started.end)

        async def ready():
            def get():
                with urllib.request.urlopen(f"http://{started.monitor}/readyz", timeout=ANSWER_S) as answer:
                    return answer.status == 200

            try:
                return await asyncio.to_thread(get)
            except OSError:
                assert process.returncode is None, started.events
                return False

        try:
            async with asyncio.timeout(START_S):
                while not await ready():  # noqa: ASYNC110 - nothing tells of another process's state
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"{role} is not ready: {started.events}") from None
        return started

    def _address(self, role):
        return {"DATABASE_URL": self._addresses[role]} if role in self._addresses else {}


@asynccontextmanager
async def running(settings, least_privilege, warm) -> AsyncIterator[System]:
    async with AsyncExitStack() as stack:
        yield System(settings, stack, least_privilege, warm)


@pytest.fixture
async def system(settings, least_privilege, warm):
    async with running(settings, least_privilege, warm) as started:
        yield started


@pytest.fixture(name="until")
def _until():
    """Look as often as the roles do: what they tell is not another before."""
    return partial(until, every_s=WATCH_MS / 1_000)


@pytest.fixture(scope="module")
def plugin(rabbitmq):
    """The address of RabbitMQ's Prometheus plugin, which the private node boots without: it is started in it."""
    plugins = script().resolve().parents[1] / "plugins"
    names = ("accept", "prometheus", "quantile_estimator", "cowlib", "cowboy", "amqp_client")
    ours = ("rabbitmq_management_agent", "rabbitmq_web_dispatch", "rabbitmq_prometheus")
    paths = [path for name in (*names, *ours) for path in plugins.glob(f"{name}-[0-9]*/ebin")]
    port = free_port()
    quoted = ", ".join(f'"{path}"' for path in paths)
    rabbitmq.evaluate(f"code:add_pathsz([{quoted}])")
    rabbitmq.evaluate("application:set_env(rabbit, quorum_tick_interval, 500)")  # how often leaders tell of new queues
    rabbitmq.evaluate("application:load(rabbitmq_prometheus)")
    listener = f'[{{port, {port}}}, {{ip, "127.0.0.1"}}]'
    rabbitmq.evaluate(f"application:set_env(rabbitmq_prometheus, tcp_config, {listener})")
    started = rabbitmq.evaluate("application:ensure_all_started(rabbitmq_prometheus)")
    assert started.startswith("{ok"), started
    yield f"http://127.0.0.1:{port}"
    rabbitmq.evaluate("[application:stop(App) || App <- [rabbitmq_prometheus, rabbitmq_management_agent]]")
    rabbitmq.evaluate("application:set_env(rabbit, quorum_tick_interval, 5000)")


@pytest.fixture
def serve():
    """A context manager that lets a handler take posts at a path; gives the server's address."""

    @asynccontextmanager
    async def serving(path, take):
        app = web.Application()
        app.router.add_post(path, take)
        async with TestServer(app) as server:
            yield str(server.make_url("")).rstrip("/")

    return serving
