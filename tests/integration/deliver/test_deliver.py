"""Telling endpoints: a real receiver on the loopback, a real exchange; the clock is the test's."""

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime, timedelta

import aiormq
import asyncpg
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from standardwebhooks import Webhook, WebhookVerificationError

from ingest.deliver.deliverer import LEASE_S
from ingest.deliver.main import deliverer
from schemas.secrets import Vault

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


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
async def told(settings):
    settings = settings.model_copy(update={"pull_allow_networks": ("127.0.0.0/8",)})
    connection = await asyncpg.connect(settings.dsn)
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


async def test_messages_are_signed_batched_up_to_a_hundred_changes_and_in_order(told, receive):
    receiver, url = await receive()
    await told.changed(1)  # before there was an endpoint
    endpoint = await told.endpoint(url)
    await told.changed(50, 40, 20)
    await told.changed(3)

    await told.deliver()
    await told.deliver()

    assert [90, 23] == [len(body["data"]["changes"]) for body in receiver.bodies]
    for headers, body in receiver.taken:
        Webhook(SECRET).verify(body, headers)
    ids = [change["id"] for body in receiver.bodies for change in body["data"]["changes"]]
    assert sorted(set(ids), key=lambda text: [int(part) for part in text.split("-")]) == ids
    assert [(204, None, 90), (204, None, 23)] == [
        (row["status"], row["error"], row["changes"]) for row in await told.attempts(endpoint)
    ]


async def test_a_failed_message_is_sent_again_later_the_same_with_the_same_id(told, receive):
    receiver, url = await receive()
    endpoint = await told.endpoint(url)
    await told.changed(2)
    receiver.status = 500
    await told.deliver()
    await told.changed(5)
    await told.deliver()  # it is not due yet
    assert 1 == len(receiver.taken)
    row = await told.row(endpoint)
    assert (1, told.now) == (row["failures"], row["failing_since"])

    receiver.status, told.now = 200, row["next_attempt_at"]
    await told.deliver()

    first, again, after = receiver.taken
    assert (first[0]["webhook-id"], first[1]) == (again[0]["webhook-id"], again[1])
    assert 5 == len(orjson.loads(after[1])["data"]["changes"])
    assert ["answered 500", None, None] == [row["error"] for row in await told.attempts(endpoint)]
    row = await told.row(endpoint)
    assert (0, None, None) == (row["failures"], row["failing_since"], row["sending_to"])


async def test_an_endpoint_that_fails_for_three_days_is_disabled_with_its_reason_and_can_go_on(told, receive):
    receiver, url = await receive()
    receiver.status = 503
    endpoint = await told.endpoint(url)
    await told.changed(1)
    for _ in range(60):
        await told.deliver()
        row = await told.row(endpoint)
        if not row["enabled"]:
            break
        told.now = row["next_attempt_at"]

    assert timedelta(days=3) <= told.now - row["failing_since"] < timedelta(days=3, hours=2)
    assert row["disabled_reason"].endswith("answered 503")
    assert 1 == len(set(receiver.ids))
    receiver.status = 204
    await told.connection.execute("UPDATE endpoints SET enabled = true")
    await told.deliver()
    assert 1 == len(set(receiver.ids))


async def test_an_endpoint_that_is_gone_is_not_told_again(told, receive):
    receiver, url = await receive()
    receiver.status = 410
    endpoint = await told.endpoint(url)
    await told.changed(1)
    await told.deliver()

    assert (False, 1) == ((await told.row(endpoint))["enabled"], len(receiver.taken))


async def test_while_a_secret_is_rotated_both_verify_and_later_only_the_new_one(told, receive):
    receiver, url = await receive()
    endpoint = await told.endpoint(url)
    held = Vault(told.settings.key).encrypt({"secret": OTHER, "previous": SECRET})
    await told.connection.execute(
        "UPDATE endpoints SET secrets = $1, previous_secret_until = $2", held, told.now + timedelta(seconds=60)
    )
    await told.changed(1)
    await told.deliver()
    headers, body = receiver.taken[0]
    for secret in (SECRET, OTHER):
        Webhook(secret).verify(body, headers)

    told.now += timedelta(seconds=61)
    await told.changed(1)
    await told.deliver()
    headers, body = receiver.taken[1]
    Webhook(OTHER).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body, headers)
    assert 2 == len(await told.attempts(endpoint))


async def test_a_slow_endpoint_delays_no_other(told, receive):
    slow, slow_url = await receive()
    quick, quick_url = await receive()
    slow.hold = asyncio.Event()
    await told.endpoint(slow_url)
    await told.endpoint(quick_url)
    await told.changed(1)
    async with deliverer(told.settings, lambda: told.now) as running:
        await running.round()
        await asyncio.wait_for(asyncio.gather(slow.came.wait(), quick.came.wait()), 10)
        quick.came.clear()
        await told.changed(1)
        while not quick.came.is_set():
            await running.round()
            await asyncio.sleep(0.02)
        assert (1, 2) == (len(slow.taken), len(quick.taken))
        slow.hold.set()
        await running.settled()


async def test_a_private_address_is_refused_by_the_guard_of_pulled_feeds(told, receive):
    receiver, url = await receive()
    endpoint = await told.endpoint(url)
    await told.changed(1)
    told.settings = told.settings.model_copy(update={"pull_allow_networks": ()})
    await told.deliver()

    (attempt,) = await told.attempts(endpoint)
    assert ([], None) == (receiver.taken, attempt["status"])
    assert "is not a public address" in attempt["error"]


async def test_a_redirect_is_not_followed(told, receive):
    receiver, url = await receive()
    receiver.status = 307
    endpoint = await told.endpoint(url)
    await told.changed(1)
    await told.deliver()

    assert ["answered 307"] == [row["error"] for row in await told.attempts(endpoint)]


async def test_a_deliverer_that_is_killed_before_it_could_note_it_leaves_a_duplicate_with_the_same_id(told, receive):
    receiver, url = await receive()
    receiver.hold = asyncio.Event()
    endpoint = await told.endpoint(url)
    await told.changed(2)
    environment = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": told.settings.dsn,
        "AMQP_URL": told.settings.amqp,
        "SECRET_KEY": told.settings.key.decode(),
        "PULL_ALLOW_NETWORKS": "127.0.0.0/8",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ingest", "deliver"), env=environment, stderr=asyncio.subprocess.DEVNULL
    )
    await asyncio.wait_for(receiver.came.wait(), 30)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    receiver.hold.set()
    receiver.hold = None
    await told.changed(3)

    told.now = datetime.now(UTC)
    await told.deliver()
    assert 1 == len(receiver.taken)  # the dead one's lease
    told.now += timedelta(seconds=LEASE_S + 1)
    await told.deliver()

    first, again, after = receiver.taken
    assert (first[0]["webhook-id"], first[1]) == (again[0]["webhook-id"], again[1])
    assert 3 == len(orjson.loads(after[1])["data"]["changes"])
    assert None is (await told.row(endpoint))["sending_to"]


async def test_each_account_is_told_its_own_alone(told, receive):
    (one, one_url), (two, two_url) = await receive(), await receive()
    await told.endpoint(one_url)
    await told.endpoint(two_url, account=2)
    await told.changed(1)
    await told.changed(2, account=2)
    await told.deliver()

    assert ([1], [2]) == tuple([len(body["data"]["changes"]) for body in each.bodies] for each in (one, two))


async def test_held_runs_and_failing_feeds_are_told_when_they_happen(told, receive):
    receiver, url = await receive()
    await told.endpoint(url, events=("run.held", "feed.failing"))
    await told.connection.execute(
        """INSERT INTO change_streams (account_id, events) VALUES (1, '{run.held,feed.failing}');
           INSERT INTO dropship_providers (account_id, name) VALUES (1, 'v');
           INSERT INTO inventory_feeds (account_id, dropship_provider_id, name, resource_type, hash)
               VALUES (1, 1, 'f', 'xml', 'h');
           INSERT INTO runs (account_id, feed_id, trigger) VALUES (1, 1, 'manual');
           INSERT INTO pull_feeds (feed_id, account_id, planned_for, time_zone) VALUES (1, 1, now(), 'UTC')"""
    )
    await told.connection.execute("UPDATE runs SET status = 'held', error = 'half the rows are gone'")
    for failures in range(1, 5):
        await told.connection.execute("UPDATE pull_feeds SET failures = $1, last_error = 'refused'", failures)
    await told.deliver()

    assert [("run.held", "half the rows are gone"), ("feed.failing", "refused")] == [
        (body["type"], body["data"]["reason"]) for body in receiver.bodies
    ]


async def test_the_queue_gets_each_change_confirmed_by_account_and_feed_with_its_id(told):
    connection = await aiormq.connect(told.settings.amqp)
    channel = await connection.channel()
    await channel.exchange_declare("feedline.changes", exchange_type="topic", durable=True)
    queue = (await channel.queue_declare(exclusive=True)).queue
    await channel.queue_bind(queue, "feedline.changes", routing_key="1.*")
    endpoint = await told.endpoint("", kind="queue")
    await told.endpoint("", kind="queue", account=2)
    await told.changed(2, 1)
    await told.changed(1, account=2)
    await told.deliver()

    got = [await channel.basic_get(queue, no_ack=True) for _ in range(4)]
    assert [("1.1", f"sku {n}") for n in (0, 1, 0)] == [
        (message.delivery.routing_key, orjson.loads(message.body)["externalId"]) for message in got[:3]
    ]
    assert [orjson.loads(message.body)["id"] for message in got[:3]] == [
        message.header.properties.message_id for message in got[:3]
    ]
    assert not got[3].body
    assert [None] == [row["error"] for row in await told.attempts(endpoint)]
    await connection.close()


async def test_the_queue_waits_for_a_broker_that_is_away(told):
    endpoint = await told.endpoint("", kind="queue")
    await told.changed(1)
    whole = told.settings
    told.settings = whole.model_copy(update={"amqp_url": type(whole.amqp_url)("amqp://127.0.0.1:1/")})
    await told.deliver()
    row = await told.row(endpoint)
    assert (1, True) == (row["failures"], row["enabled"])

    told.settings, told.now = whole, row["next_attempt_at"]
    await told.deliver()
    assert (0, None) == ((await told.row(endpoint))["failures"], (await told.row(endpoint))["sending_to"])
