"""Dead letters: stored with their reason, found by filter, replayed as fresh batches, discarded."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from schemas import dead_letters
from schemas.batches import Batch, Source, decode, is_ours
from schemas.dead_letters import DeadLetter, Filter
from schemas.errors import Transient

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = b"k" * 32


def letter(external_id, account=1, feed=1, code="postgres.P0001"):
    batch = Batch(uuid4(), account, feed, 5, Source.WEBHOOK, [{"externalId": external_id}], warnings=[{"index": 0}])
    return DeadLetter(account, feed, batch.batch_id, external_id, code, "no\0good", batch.encode(), NOW)


@pytest.fixture
async def stored(road):
    """Four dead letters: 1 and 2 of account 1, 3 of account 2, 4 a message that nobody can read."""
    unreadable = dead_letters.of_message(b"\xff", "broker.delivery_limit", "given up")
    letters = [letter("a"), letter("b", feed=2), letter("c", account=2, feed=3), unreadable]
    await dead_letters.store(road.connection, letters, NOW)
    return road.connection


class Broker:
    """Keeps what is published; refuses after `takes` batches."""

    def __init__(self, takes=9):
        self.takes = takes
        self.batches = []

    async def publish(self, batch):
        if len(self.batches) == self.takes:
            raise Transient("full")
        self.batches.append(batch)


async def ids(connection, wanted):
    return [found.id for found in await dead_letters.find(connection, wanted)]


async def test_they_are_found_by_account_feed_code_and_status_a_page_at_a_time(stored):
    assert [1, 2, 3, 4] == await ids(stored, Filter(None))
    assert [1, 2] == await ids(stored, Filter(1))
    assert [2] == await ids(stored, Filter(1, feed_id=2))
    assert [4] == await ids(stored, Filter(None, code="broker.delivery_limit"))
    assert [] == await ids(stored, Filter(1, ids=[3], status="dead"))
    assert ([1], [2]) == (await ids(stored, Filter(1, limit=1)), await ids(stored, Filter(1, limit=1, after=1)))


async def test_one_is_kept_with_its_reason_and_payload(stored):
    (found,) = await dead_letters.find(stored, Filter(1, ids=[1]))

    assert ("a", "postgres.P0001", "nogood", NOW, NOW, "dead") == (
        found.external_id,
        found.code,
        found.reason,
        found.received_at,
        found.dead_at,
        found.status,
    )
    assert [{"externalId": "a"}] == decode(found.payload).items


async def test_a_replay_publishes_fresh_batches_received_now_and_marks_them(stored):
    broker = Broker()

    done = await dead_letters.replay(stored, Filter(1), broker.publish, now=NOW, key=KEY)

    assert ([1, 2], []) == done
    assert [("a", 1), ("b", 2)] == [(batch.items[0]["externalId"], batch.feed_id) for batch in broker.batches]
    assert all(is_ours(batch.batch_id, batch.feed_id, KEY) for batch in broker.batches)
    assert [int(NOW.timestamp() * 1000)] * 2 == [batch.received_ms for batch in broker.batches]
    assert [[], []] == [batch.warnings for batch in broker.batches]
    assert ["replayed", "replayed"] == [found.status for found in await dead_letters.find(stored, Filter(1))]
    assert ([], []) == await dead_letters.replay(stored, Filter(1), broker.publish, now=NOW, key=KEY)


async def test_a_replay_that_the_broker_cuts_short_keeps_the_rest_for_later(stored):
    with pytest.raises(Transient):
        await dead_letters.replay(stored, Filter(1), Broker(takes=1).publish, now=NOW, key=KEY)

    assert ([1], [2]) == (await ids(stored, Filter(1, status="replayed")), await ids(stored, Filter(1, status="dead")))


async def test_a_replay_done_twice_has_the_same_batch_id(stored):
    async def publish_and_fail(batch):
        await first.publish(batch)
        raise Transient("confirm lost")

    first, second = Broker(), Broker()
    with pytest.raises(Transient):
        await dead_letters.replay(stored, Filter(1, ids=[1]), publish_and_fail, now=NOW, key=KEY)
    await dead_letters.replay(stored, Filter(1, ids=[1]), second.publish, now=NOW, key=KEY)

    assert first.batches[0].batch_id == second.batches[0].batch_id


async def test_what_cannot_be_read_is_not_replayed(stored):
    assert ([], [4]) == await dead_letters.replay(stored, Filter(None, ids=[4]), Broker().publish, now=NOW, key=KEY)


async def test_discarded_ones_stay_listed_and_are_not_replayed(stored):
    assert [1] == await dead_letters.discard(stored, Filter(1, ids=[1, 3]), now=NOW)
    assert [] == await dead_letters.discard(stored, Filter(1, ids=[1]), now=NOW)
    assert ([], []) == await dead_letters.replay(stored, Filter(1, ids=[1]), Broker().publish, now=NOW, key=KEY)
    assert [1] == await ids(stored, Filter(1, status="discarded"))


def test_of_a_message_that_can_be_read_account_feed_and_batch_are_known():
    sent = letter("a")

    found = dead_letters.of_message(sent.payload, "broker.delivery_limit", "given up")

    assert replace(sent, external_id=None, code="broker.delivery_limit", reason="given up") == replace(
        found, received_at=NOW
    )
