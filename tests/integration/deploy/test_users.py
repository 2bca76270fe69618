"""Each part with the user and the role that `deploy/users` gives it: what it does works, more does not.

That the roles suffice for everything else is told by the parts' own tests, which run with them (`least_privilege`).
"""

import asyncio
import secrets
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import aiormq
import asyncpg
import orjson
import pytest
from aiormq.exceptions import ChannelAccessRefused
from pydantic import SecretStr

import deploy
from deploy.migrate import migrate
from ingest.amqp.publish import Publisher
from ingest.amqp.replies import Replies
from ingest.deliver.exchange import Exchange
from ingest.deliver.message import Message
from schemas.batches import Batch, Source, new_batch_id
from schemas.division import Division
from schemas.topology import CHANGES_EXCHANGE, SHARDS_EXCHANGE
from workers.amqp.broker import Broker
from workers.clock import Clock
from workers.health import Health
from workers.service import Worker
from workers.watch.lateness import Queue
from workers.watch.queues import Queues

DEFINITIONS = Path(deploy.__file__).parent / "users" / "rabbitmq.json"
SEED = """
INSERT INTO accounts (id, name) VALUES (1, 'first');
INSERT INTO dropship_providers (id, account_id, name) VALUES (1, 1, 'Acme');
INSERT INTO inventory_feeds (id, account_id, dropship_provider_id, name, resource_type, hash)
VALUES (1, 1, 1, 'Stock', 'webhook', 'hash-1');
"""


def binary(text):
    return f"<<{orjson.dumps(text).decode()}>>"


@pytest.fixture
def user(rabbitmq, settings):
    """Settings with a part's own RabbitMQ user, by the shipped definitions."""
    definitions = orjson.loads(DEFINITIONS.read_bytes())
    vhost = settings.amqp.rpartition("/")[2]
    password = secrets.token_hex(8)
    for one in definitions["users"]:
        added = f"rabbit_auth_backend_internal:add_user({binary(one['name'])}, {binary(password)}, {binary('test')})"
        assert "ok" == rabbitmq.evaluate(added)
    for one in definitions["permissions"]:
        rights = ", ".join(binary(one[kind]) for kind in ("configure", "write", "read"))
        names = f"{binary(one['user'])}, {binary(vhost)}"
        given = f"rabbit_auth_backend_internal:set_permissions({names}, {rights}, {binary('test')})"
        assert "ok" == rabbitmq.evaluate(given)

    def of(part):
        address = urlsplit(settings.amqp)
        place = address.netloc.rpartition("@")[2]
        url = address._replace(netloc=f"feedline_{part}:{password}@{place}").geturl()
        return settings.model_copy(update={"amqp_url": SecretStr(url), "shards": 2})

    yield of
    for one in definitions["users"]:
        rabbitmq.evaluate(f"rabbit_auth_backend_internal:delete_user({binary(one['name'])}, {binary('test')})")


async def refused(settings, forbidden):
    """Tell whether RabbitMQ refuses what `forbidden` does with a channel."""
    async with aiormq.connect(settings.amqp) as connection:
        try:
            await forbidden(await connection.channel())
        except ChannelAccessRefused:
            return True
    return False


def batch(number):
    return Batch(
        batch_id=new_batch_id(1, 1_790_000_000_000 + number, b"k" * 32),
        account_id=1,
        feed_id=1,
        received_ms=1_790_000_000_000 + number,
        source=Source.WEBHOOK,
        items=[{"externalId": str(number)}],
    )


@pytest.fixture
async def owned(postgres):
    """The address of a database whose owner, a role without any privilege of its own, has migrated it."""
    name, password = "owned_by_a_plain_role", secrets.token_hex(8)
    superuser = await asyncpg.connect(postgres.dsn)
    await superuser.execute(f"CREATE ROLE plain LOGIN PASSWORD '{password}'")
    await superuser.execute(f"CREATE DATABASE {name} OWNER plain")
    address = urlsplit(postgres.dsn_of(name))
    dsn = address._replace(netloc=f"plain:{password}@{address.netloc.rpartition('@')[2]}").geturl()
    await asyncio.to_thread(migrate, dsn)
    owner = await asyncpg.connect(dsn)
    await owner.execute(SEED)
    await owner.close()
    yield dsn
    await superuser.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await superuser.execute("DROP ROLE plain")
    await superuser.close()


@pytest.fixture
async def worker(user, owned):
    running = Worker(user("worker").model_copy(update={"database_url": SecretStr(owned)}))
    task = asyncio.create_task(running.run())
    yield running
    running.stop()
    await task


async def test_every_part_works_with_a_user_of_its_own(user, worker, owned):
    """A batch published by the edge and one by the API, which waits for its reply; Postgres' role is no superuser."""
    async with (
        Publisher(user("edge"), "edge") as edge,
        Publisher(user("api"), "api") as api,
        Replies(user("api"), api) as replies,
    ):
        await edge.publish(batch(1))
        reply = None
        async with asyncio.timeout(60):
            while reply is None:  # late on a busy machine: the batch is known by then, and answered again
                reply = await replies.ask(batch(2))
    assert {"created": 1} == {name: count for name, count in reply["counts"].items() if count}

    connection = await asyncpg.connect(owned)
    stored = await connection.fetch("SELECT external_id FROM feed_variants ORDER BY external_id")
    await connection.close()
    assert ["1", "2"] == [row["external_id"] for row in stored]

    queues = Queues(Broker(user("watch"), "watch", Health(), Clock()))
    expected = {0: Queue(0, 1), 1: Queue(0, 1)}
    async with asyncio.timeout(60):  # a queue whose leader is busy tells nothing for a moment
        while expected != await queues.look(Division(2)):
            pass
    exchange = Exchange(user("deliver").amqp, "deliver")
    change = {"id": "1", "inventoryFeedId": 1}
    await exchange.send({"account_id": 1}, Message("1", 1, [change], b""), datetime.now(UTC))
    await exchange.close()


async def test_no_part_may_do_what_is_not_its_business(user):
    async def changes_are_sent(channel):
        await channel.basic_publish(b"", exchange=CHANGES_EXCHANGE)

    async def another_queue_is_made(channel):
        await channel.queue_declare("other", durable=True)

    async def batch_is_published(channel):
        await channel.basic_publish(b"", exchange=SHARDS_EXCHANGE)

    for part, forbidden in (
        ("edge", changes_are_sent),
        ("api", another_queue_is_made),
        ("deliver", batch_is_published),
        ("watch", changes_are_sent),
    ):
        assert await refused(user(part), forbidden), part
