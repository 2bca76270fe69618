"""Telling endpoints: a receiver on the loopback, and the deliverer with what it needs."""

import asyncio
from datetime import UTC, datetime

import asyncpg
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from ingest.deliver.main import deliverer
from schemas.secrets import Vault

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Receiver:
    """Takes webhooks; `status` is what it answers, `hold` makes it wait before it does."""

    def __init__(self):
        self.taken = []
        self.status = 204
        self.hold = None
        self.came = asyncio.Event()

    async def take(self, request):
        self.taken.append((dict(request.headers), await request.read()))
        self.came.set()
        if self.hold is not None:
            await self.hold.wait()
        return web.Response(status=self.status)

    @property
    def ids(self):
        return [headers["webhook-id"] for headers, _ in self.taken]

    @property
    def bodies(self):
        return [orjson.loads(body) for _, body in self.taken]


class Told:
    """One account, what happens to it, and a deliverer."""

    secret = SECRET

    def __init__(self, settings, connection):
        self.settings = settings
        self.connection = connection
        self.now = datetime.now(UTC)
        self.number = 0

    async def changed(self, *sizes, account=1):
        """Commit a window whose batches changed so many feed variants each."""
        async with self.connection.transaction():
            for place, size in enumerate(sizes):
                body = orjson.dumps([[n, n, f"sku {n}", None, "updated", False, None] for n in range(size)])
                await self.connection.execute(
                    """INSERT INTO events
                           (account_id, position, at, event, feed_id, batch_id, source, received_at, body)
                       VALUES ($1, pg_current_xact_id()::text::bigint << 12 | $2, now(), 'inventory.changed', 1,
                               gen_random_uuid(), 'webhook', now(), $3)""",
                    *(account, place, body),
                )

    async def endpoint(self, url, *, events=("inventory.changed",), kind="webhook", account=1):
        secrets = Vault(self.settings.key).encrypt({"secret": SECRET})
        return await self.connection.fetchval(
            """INSERT INTO endpoints (account_id, kind, name, url, events, secrets, next_attempt_at, position)
               VALUES ($1, $2, 'test', $3, $4, $5, $6,
                       (pg_snapshot_xmin(pg_current_snapshot())::text::bigint << 12) - 1)
               RETURNING id""",
            *(account, kind, str(url), list(events), secrets, self.now),
        )

    async def row(self, endpoint):
        return await self.connection.fetchrow("SELECT * FROM endpoints WHERE id = $1", endpoint)

    async def attempts(self, endpoint):
        return await self.connection.fetch(
            "SELECT * FROM endpoint_attempts WHERE endpoint_id = $1 ORDER BY id", endpoint
        )

    async def deliver(self):
        """Tell everybody who is due until nobody is, with a deliverer of its own."""
        async with deliverer(self.settings, lambda: self.now) as running:
            while await running.round():
                await running.settled()


@pytest.fixture
def amqp_url(two_shards):
    """It stands already."""
    return two_shards


@pytest.fixture
async def told(settings, least_privilege):
    connection = await asyncpg.connect(settings.dsn)
    settings = least_privilege(settings, "deliver").model_copy(update={"pull_allow_networks": ("127.0.0.0/8",)})
    await connection.execute("INSERT INTO accounts (name) VALUES ('one'), ('two')")
    yield Told(settings, connection)
    await connection.close()


@pytest.fixture
async def receive():
    """`receive()` starts a receiver and returns it with its address."""
    servers = []

    async def start():
        receiver, app = Receiver(), web.Application()
        app.router.add_post("/hook", receiver.take)
        server = TestServer(app)
        await server.start_server()
        servers.append(server)
        return receiver, server.make_url("/hook")

    yield start
    for server in servers:
        await server.close()
