"""The edge as a process: two on one port, a graceful stop, and a refusal to start that says why."""

import asyncio
import contextlib
import os
import signal
import sys

import aiohttp
import aiormq
import asyncpg
import orjson
import pytest

from deploy.local.processes import free_port
from ingest.edge.post import PATH

ITEM = {"externalId": "1", "inventoryQuantity": 5}
PATIENCE_S = 120
SEED = """
    INSERT INTO accounts (id, name) VALUES (1, 'demo');
    INSERT INTO dropship_providers (id, account_id, name) VALUES (1, 1, 'vendor');
    INSERT INTO inventory_feeds (id, account_id, dropship_provider_id, name, resource_type, hash)
        VALUES (1, 1, 1, 'pushed', 'webhook', 'secret-hash');
"""


@pytest.fixture
async def environment(settings):
    connection = await asyncpg.connect(settings.dsn)
    await connection.execute(SEED)
    await connection.close()
    return os.environ | {
        "DATABASE_URL": settings.dsn,
        "AMQP_URL": settings.amqp,
        "SECRET_KEY": "k" * 32,
        "SHARDS": "2",
        "PORT": str(free_port()),
        "MONITOR_PORT": "0",
        "LOG_LEVEL": "debug",
        "CONFIRM_TIMEOUT_MS": "60000",
        "STOP_DELAY_MS": "0",
    }


class Process:
    """An edge process and the events that it logged."""

    def __init__(self, process):
        self.process, self.events = process, []

    async def event(self, name):
        """Wait for an event of the log; returns it."""
        async with asyncio.timeout(PATIENCE_S):
            while line := await self.process.stderr.readline():
                self.events.append(orjson.loads(line))
                if self.events[-1]["event"] == name:
                    return self.events[-1]
        raise AssertionError(f"ended without {name}: {self.events}")

    async def stop(self, number=signal.SIGTERM):
        """Signal it and wait for its end; returns (exit status, what else it logged)."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        async with asyncio.timeout(PATIENCE_S):
            rest = await self.process.stderr.read()
            return await self.process.wait(), rest.decode()


@pytest.fixture
def edge(warm):
    """A context manager that runs an edge with these variables."""

    @contextlib.asynccontextmanager
    async def running(environment):
        one = Process(await warm.start(("ingest", "edge"), environment))
        try:
            yield one
        finally:
            await one.stop(signal.SIGKILL)

    return running


async def posted(port, webhook_hash="secret-hash"):
    """Post once over a connection of its own; returns the status."""
    headers = {"jetti-webhook-hash": webhook_hash}
    async with (
        aiohttp.ClientSession() as client,
        client.post(f"http://127.0.0.1:{port}{PATH}", json=[ITEM], headers=headers) as response,
    ):
        return response.status


async def answered(monitor):
    async with aiohttp.ClientSession() as client, client.get(f"{monitor}/metrics") as response:
        return b'feedline_posts_total{status="202"}' in await response.read()


async def test_two_processes_share_one_port_and_a_stopped_one_leaves_the_other_serving(edge, environment):
    port = environment["PORT"]
    environment["REUSE_PORT"] = "true"
    async with edge(environment) as first, edge(environment) as second:
        monitors = [(await one.event("listening"))["monitor"] for one in (first, second)]
        for one in (first, second):
            await one.event("feeds_loaded")

        assert {202} == set(await asyncio.gather(*(posted(port) for _ in range(40))))
        assert [True, True] == [await answered(monitor) for monitor in monitors]

        status, _ = await first.stop()
        assert 0 == status
        assert {202} == set(await asyncio.gather(*(posted(port) for _ in range(20))))


async def test_the_log_has_one_event_a_post_with_ids_and_never_the_hash(edge, environment):
    async with edge(environment) as one:
        await one.event("feeds_loaded")
        assert [202, 401] == [await posted(environment["PORT"], name) for name in ("secret-hash", "wrong-hash")]

        accepted = await one.event("post_accepted")
        refused = await one.event("post_refused")
        _, rest = await one.stop()

    assert ("debug", 1, 1, 1, 36) == (
        accepted["level"],
        accepted["feed_id"],
        accepted["account_id"],
        accepted["items"],
        len(accepted["batch_id"]),
    )
    assert ("warning", 401) == (refused["level"], refused["status"])
    assert not any(secret in f"{one.events}{rest}" for secret in ("secret-hash", "wrong-hash", "k" * 32))


@pytest.mark.other_queues
async def test_an_unsafe_live_queue_ends_the_start_with_a_clear_message(edge, environment):
    async with aiormq.connect(environment["AMQP_URL"]) as connection:
        channel = await connection.channel()
        await channel.queue_declare("feedline.shard.001", durable=True, arguments={"x-queue-type": "quorum"})

    async with edge(environment) as one:
        stopped = await one.event("stopped")

        assert 1 == await one.process.wait()
        assert "feedline.shard.001" in stopped["reason"]


async def test_a_missing_setting_is_named(edge, environment):
    del environment["SECRET_KEY"]
    async with edge(environment) as one:
        status, said = await one.stop(0)

    assert 1 == status
    assert "SECRET_KEY: is required" in said


async def test_a_role_that_does_not_exist_is_told_apart():
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ingest", "nothing", stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()

    assert (2, b"usage: python -m ingest edge|api|pull|deliver\n") == (process.returncode, said)


async def test_on_sigterm_readiness_falls_first_and_posts_are_taken_until_the_end(edge, environment):
    environment["STOP_DELAY_MS"] = "6000"
    port = environment["PORT"]
    ready = f"http://127.0.0.1:{port}/readyz"
    async with edge(environment) as one, aiohttp.ClientSession() as client:
        await one.event("feeds_loaded")
        async with client.get(ready) as response:
            assert 200 == response.status
        one.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_S):
            while True:
                async with client.get(ready) as response:
                    if response.status == 503:
                        break
        async with client.post(
            f"http://127.0.0.1:{port}{PATH}", json=[ITEM], headers={"jetti-webhook-hash": "secret-hash"}
        ) as response:
            assert (202, "close") == (response.status, response.headers.get("Connection"))
        async with asyncio.timeout(PATIENCE_S):
            await one.process.stderr.read()
            assert 0 == await one.process.wait()
