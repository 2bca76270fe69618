"""Telling endpoints: a real receiver on the loopback, a real exchange; the clock is the test's."""

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from ingest.deliver.deliverer import LEASE_S
from ingest.deliver.main import deliverer
from schemas.secrets import Vault

OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


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
        Webhook(told.secret).verify(body, headers)
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
    held = Vault(told.settings.key).encrypt({"secret": OTHER, "previous": told.secret})
    await told.connection.execute(
        "UPDATE endpoints SET secrets = $1, previous_secret_until = $2", held, told.now + timedelta(seconds=60)
    )
    await told.changed(1)
    await told.deliver()
    headers, body = receiver.taken[0]
    for secret in (told.secret, OTHER):
        Webhook(secret).verify(body, headers)

    told.now += timedelta(seconds=61)
    await told.changed(1)
    await told.deliver()
    headers, body = receiver.taken[1]
    Webhook(OTHER).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(told.secret).verify(body, headers)
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
        await asyncio.wait_for(asyncio.gather(slow.came.wait(), quick.came.wait()), 120)
        quick.came.clear()
        await told.changed(1)
        async with asyncio.timeout(120):
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
    await asyncio.wait_for(receiver.came.wait(), 120)
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
