"""A running edge for the tests that need one."""

import asyncio
import contextlib
import io
from dataclasses import dataclass

import aiohttp
import aiormq
import asyncpg
import orjson
import pytest
from aiohttp import web

from ingest.amqp.publish import Publisher
from ingest.edge.post import PATH, Posts
from ingest.edge.refresh import Feeds
from ingest.edge.server import dispatcher, runner
from ingest.http.serving import listening
from schemas.batches import decode
from schemas.settings import Settings
from schemas.topology import shard_of, shard_queue
from tests.waiting import until

PATIENCE_S = 120
"""What no test waits for but on a machine that has much else to do."""
SEED = """
    INSERT INTO accounts (id, name) VALUES (1, 'demo');
    INSERT INTO dropship_providers (id, account_id, name) VALUES (1, 1, 'vendor');
    INSERT INTO inventory_feeds (id, account_id, dropship_provider_id, name, resource_type, hash, enabled) VALUES
        (1, 1, 1, 'pushed', 'webhook', 'hash-1', true),
        (2, 1, 1, 'off', 'webhook', 'hash-2', false),
        (3, 1, 1, 'pulled', 'ftpCsv', 'hash-3', true);
"""


@dataclass
class Edge:
    """One running edge and a client of it."""

    url: str
    client: aiohttp.ClientSession
    settings: Settings
    feeds: Feeds
    publisher: Publisher
    posts: Posts
    server: web.Server

    async def post(self, body, webhook_hash="hash-1", **headers):
        """Post JSON (or bytes as they are); returns (status, answer, headers)."""
        sent = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
        if webhook_hash is not None:
            sent.setdefault("jetti-webhook-hash", webhook_hash)
        data = io.BytesIO(body if isinstance(body, bytes) else orjson.dumps(body))
        async with self.client.post(self.url + PATH, data=data, headers=sent) as response:
            return response.status, orjson.loads(await response.read()), response.headers

    async def queued(self, number=1, feed_id=1):
        """Take batches off the feed's shard queue."""
        queue, got = shard_queue(shard_of(feed_id, self.settings.shards)), asyncio.Queue()
        async with aiormq.connect(self.settings.amqp) as connection:
            channel = await connection.channel()
            await channel.basic_consume(queue, got.put, no_ack=True)
            async with asyncio.timeout(PATIENCE_S):
                return [decode((await got.get()).body) for _ in range(number)]

    async def waiting(self, feed_id=1):
        """Return how many messages wait on the feed's shard queue."""
        queue = shard_queue(shard_of(feed_id, self.settings.shards))
        async with aiormq.connect(self.settings.amqp) as connection:
            channel = await connection.channel()
            return (await channel.queue_declare(queue, passive=True)).message_count


@contextlib.asynccontextmanager
async def _running(settings, *, read=True):
    feeds = Feeds(settings)
    refreshing = asyncio.create_task(feeds.run())
    try:
        async with Publisher(settings, "test-edge") as publisher, aiohttp.ClientSession() as client:
            posts = Posts(settings, publisher, feeds)
            handler = dispatcher(posts.handle, alive=lambda: None, ready=lambda: feeds.ready() or publisher.ready())
            web_runner = runner(handler, PATIENCE_S, posts.begin)
            async with listening(web_runner, "127.0.0.1", 0, reuse_port=True) as url:
                if read:
                    assert await feeds.first(PATIENCE_S)
                yield Edge(url, client, settings, feeds, publisher, posts, web_runner.server)
    finally:
        refreshing.cancel()
        await asyncio.gather(refreshing, return_exceptions=True)


@pytest.fixture(name="until")
def _until():
    """Wait for a condition that no signal tells of."""
    return until


@pytest.fixture
def running_edge():
    """A context manager that runs an edge with the given settings; `read=False` does not wait for the feeds."""
    return _running


@pytest.fixture
def amqp_url(two_shards):
    """Two shards are enough here, and quicker to take than four; they stand already."""
    return two_shards


@pytest.fixture
def edge_settings(settings):
    """They are told of."""
    return settings.model_copy(update={"shards": 2})


@pytest.fixture
async def seeded(database):
    """A connection to the database with three feeds: 1 takes posts, 2 is disabled, 3 is pulled."""
    connection = await asyncpg.connect(database)
    await connection.execute(SEED)
    yield connection
    await connection.close()


@pytest.fixture
async def edge(edge_settings, least_privilege, seeded):
    """An edge that looks for changed feeds often."""
    tuned = least_privilege(edge_settings, "edge").model_copy(
        update={"feeds_poll_ms": 500, "public_api_url": "http://api"}
    )
    async with _running(tuned) as one:
        yield one


@contextlib.contextmanager
def _impatient(edge, confirm_s):
    wire = edge.publisher._wire
    patience, wire._timeout = wire._timeout, confirm_s
    try:
        yield
    finally:
        wire._timeout = patience


@pytest.fixture
def impatient(edge):
    """A context in which the edge waits for a confirm for so many seconds alone."""
    return lambda confirm_s: _impatient(edge, confirm_s)


@pytest.fixture
def suspended(edge, rabbitmq, impatient):
    """A context in which the queue of feed 1 says nothing, and the edge does not wait for it for long."""
    process = f"'{edge.settings.amqp.rpartition('/')[2]}_{shard_queue(1)}'"

    @contextlib.contextmanager
    def silence():
        rabbitmq.evaluate(f"sys:suspend({process})")
        try:
            with impatient(0.5):
                yield
        finally:
            rabbitmq.evaluate(f"sys:resume({process})")

    return silence
