"""`feedline dead-letters`, against a real Postgres and a real broker."""

import asyncio
import os
import sys
from datetime import UTC, datetime
from uuid import uuid4

import aiormq
import asyncpg
import orjson
import pytest
from click.testing import CliRunner

from deploy.command.main import main
from schemas import dead_letters
from schemas.batches import Batch, Source, decode
from schemas.dead_letters import DeadLetter
from schemas.topology import shard_of, shard_queue

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
async def stored(database):
    """Two dead letters of account 1 (feeds 1 and 2), and one that nobody can read."""
    connection = await asyncpg.connect(database)
    letters = [
        DeadLetter(1, feed, uuid4(), name, "postgres.P0001", "no\tgood", batch(feed, name), NOW)
        for feed, name in ((1, "a"), (2, "b"))
    ]
    await dead_letters.store(connection, [*letters, dead_letters.unreadable(b"x", "undecodable", "not a batch")], NOW)
    await connection.close()
    return database


def batch(feed, name):
    return Batch(uuid4(), 1, feed, 5, Source.WEBHOOK, [{"externalId": name}]).encode()


async def feedline(environment, *arguments):
    runner = CliRunner(env=environment)
    return await asyncio.to_thread(runner.invoke, main, ["dead-letters", *arguments])


async def process(environment, *arguments):
    """Run the command in a process of its own, as it sets up logging; return its exit code and what it wrote."""
    started = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.command.main", "dead-letters", *arguments),
        env=os.environ | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await started.communicate()
    return started.returncode, out.decode(), errors.decode()


async def test_they_are_listed_shown_and_discarded(stored):
    environment = {"DATABASE_URL": stored}

    listed = (await feedline(environment, "list", "--account", "1")).stdout.splitlines()
    shown = orjson.loads((await feedline(environment, "show", "1")).stdout)
    discarded = await feedline(environment, "discard", "--feed", "1")
    left = (await feedline(environment, "list")).stdout.splitlines()

    assert ["1", "2026-03-01 12:00:00", "1", "1", "a", "postgres.P0001"] == listed[0].split("\t")[:6]
    assert ([{"externalId": "a"}], "dead") == (shown["payload"]["items"], shown["status"])
    assert "discarded 1\n" == discarded.stdout
    assert ["2", "3"] == [line.split("\t")[0] for line in left]


async def test_a_replay_puts_fresh_batches_on_the_feeds_shards(stored, settings):
    environment = {
        "DATABASE_URL": stored,
        "AMQP_URL": settings.amqp,
        "SECRET_KEY": settings.key.decode(),
        "SHARDS": str(settings.shards),
    }

    done = await process(environment, "replay", "--account", "1")
    rest = await process(environment, "replay", "--all")

    assert (0, "replayed 2\n") == done[:2]
    assert (1, "replayed 0\n", "Error: cannot be read, so not replayed: 3") == (*rest[:2], rest[2].splitlines()[-1])
    assert [{"externalId": "a"}] == await items_of(settings, 1)
    assert [{"externalId": "b"}] == await items_of(settings, 2)


async def items_of(settings, feed):
    """Return the items of the next message on a feed's shard queue."""
    connection = await aiormq.connect(settings.amqp)
    channel = await connection.channel()
    delivered = asyncio.Queue()
    await channel.basic_consume(shard_queue(shard_of(feed, settings.shards)), delivered.put, no_ack=False)
    message = await asyncio.wait_for(delivered.get(), 60)
    await connection.close()
    return decode(message.body).items


async def test_all_of_them_are_meant_only_if_that_is_said(stored):
    refused = await feedline({"DATABASE_URL": stored}, "discard")

    assert 2 == refused.exit_code
    assert "or say --all" in refused.stderr
    assert "discarded 3\n" == (await feedline({"DATABASE_URL": stored}, "discard", "--all")).stdout
    assert 1 == (await feedline({"DATABASE_URL": stored}, "show", "99")).exit_code
