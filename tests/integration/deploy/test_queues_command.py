"""`feedline queues` against a real broker."""

from __future__ import annotations

import asyncio
import shlex
import time

import aiormq
import orjson
import pytest
from click.testing import CliRunner

from deploy.command.main import main
from deploy.command.queues import rows_of
from ingest.amqp.publish import Publisher
from schemas.declare import declare
from schemas.topology import shard_queue


@pytest.fixture
def run(settings):
    environment = {
        "DATABASE_URL": settings.dsn,
        "AMQP_URL": settings.amqp,
        "SECRET_KEY": "k" * 32,
        "SHARDS": "2",
        "QUEUE_MAX_LENGTH": "1000",
    }

    def run(*arguments, **more):
        return CliRunner().invoke(main, ["queues", *arguments], env=environment | more)

    return run


def told(result):
    return [line.split() for line in result.output.splitlines()]


def test_queues_are_shown_with_depth_and_consumers(run, settings):
    async def fill():
        async with aiormq.connect(settings.amqp) as connection:
            channel = await connection.channel()
            await declare(connection, settings.model_copy(update={"shards": 1}))
            for _ in range(3):
                await channel.basic_publish(b"x", routing_key=shard_queue(0))

    asyncio.run(fill())
    expected, deadline = ["feedline.shard.000", "3", "?", "0", "?", "?", "?"], time.monotonic() + 60
    # A queue whose leader is busy for a quarter of a second tells RabbitMQ nothing, which then says 0.
    while expected != (rows := told(run()))[1] and time.monotonic() < deadline:
        pass

    assert expected == rows[1]
    assert ["feedline.shard.001", "missing"] == rows[2]
    assert ["feedline.dead", "0", "?", "0", "?", "?"] == rows[3]


def test_without_the_management_plugin_the_policy_is_a_line_to_run(run):
    command = shlex.split(run("apply").stdout)

    assert ["rabbitmqctl", "set_policy"] == command[:2]
    assert 1000 == orjson.loads(command[-1])["max-length"]
    assert "balanced" == orjson.loads(command[-1])["queue-leader-locator"]
    assert "rabbitmq-queues rebalance quorum\n" == run("rebalance").stdout


def test_members_that_nobody_can_count_are_an_error_and_so_is_an_address_that_is_none(run):
    assert "RABBITMQ_MANAGEMENT_URL alone" in run("--members", "3").output
    assert "is no http:// or https://" in run(RABBITMQ_MANAGEMENT_URL="amqp://h").output


def test_a_row_tells_leader_and_members_that_are_online():
    queue = {
        "name": "q",
        "messages_ready": 4,
        "messages_unacknowledged": 2,
        "consumers": 1,
        "leader": "rabbit@b",
        "online": ["rabbit@b", "rabbit@a"],
    }

    assert [("q", "4", "2", "1", "rabbit@b", "rabbit@a rabbit@b"), ("r", "missing", "", "", "", "")] == rows_of(
        ["q", "r"], [queue]
    )


async def test_a_changed_limit_of_live_queues_stops_nobody(settings):
    async with Publisher(settings, "test"):
        pass
    limits = {"queue_max_length": 7, "queue_max_bytes": 2**21, "queue_delivery_limit": 9}
    async with Publisher(settings.model_copy(update=limits), "test") as publisher:
        assert publisher.ready() is None
