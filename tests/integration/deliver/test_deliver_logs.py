"""What a deliverer logs of trouble: which endpoint and account, which message, and never a secret."""

import asyncio
from datetime import timedelta

import pytest
import structlog
from structlog.testing import capture_logs

from ingest.deliver.deliverer import LEASE_S
from ingest.deliver.main import deliverer


@pytest.fixture
def lines():
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as found:
        yield found


class Broken:
    """A way that fails as no way should."""

    def __init__(self, error):
        self._error = error

    async def send(self, *_):
        raise self._error


async def test_a_failed_and_a_given_up_delivery_name_endpoint_account_and_message(told, receive, lines):
    receiver, url = await receive()
    endpoint = await told.endpoint(url, account=2)
    await told.changed(1, account=2)
    for receiver.status in (500, 410):
        await told.deliver()
        told.now = (await told.row(endpoint))["next_attempt_at"] or told.now

    assert [
        ("warning", "delivery_failed", "answered 500"),
        ("error", "endpoint_disabled", "the endpoint asked not to be told any more: answered 410"),
    ] == [(line["log_level"], line["event"], line["reason"]) for line in lines]
    assert {(endpoint, 2, receiver.ids[0])} == {
        (line["endpoint_id"], line["account_id"], line["message_id"]) for line in lines
    }
    assert told.secret not in repr(lines)


async def test_what_nobody_foresaw_is_logged_with_its_endpoint_and_leaves_it_to_the_next(told, receive, lines):
    receiver, url = await receive()
    endpoint = await told.endpoint(url)
    await told.changed(1)
    async with deliverer(told.settings, lambda: told.now) as running:
        working = running._ways["webhook"]
        for way in (Broken(RuntimeError("ours")), Broken(OSError("a socket's")), working):
            running._ways["webhook"] = way
            await running.round()
            await running.settled()
            told.now += timedelta(seconds=LEASE_S + 1)

    assert [("error", "endpoint_failed", None), ("warning", "endpoint_left", "OSError: a socket's")] == [
        (line["log_level"], line["event"], line.get("error")) for line in lines
    ]
    assert [endpoint] * 2 == [line["endpoint_id"] for line in lines]
    assert receiver.ids == list({line["message_id"] for line in lines})


async def test_a_postgres_that_is_away_is_logged_and_waited_for(told, lines):
    stop = asyncio.Event()

    def last_look():
        stop.set()
        return told.now

    async with deliverer(told.settings, last_look) as running:
        await running._pool.close()
        await running.run(stop)

    assert [("warning", "postgres_away")] == [(line["log_level"], line["event"]) for line in lines]
