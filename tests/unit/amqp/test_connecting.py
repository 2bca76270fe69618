"""A queue's first refusal may be the connection's fault; a full queue must not cost one connection after the other."""

import asyncio

import pytest

from ingest.amqp import publish
from ingest.amqp.connecting import Refusals
from ingest.amqp.publish import Publisher, Unavailable
from schemas.division import Division
from schemas.settings import Settings

SETTINGS = Settings(amqp_url="amqp://u:p@h/", database_url="postgresql://u:p@h/d", secret_key="k" * 32)


class Wire:
    """Answers as the broker does, and keeps why it was given up."""

    def __init__(self, *reasons):
        self.reasons, self.ended, self.keys = list(reasons), [], []

    def publish(self, key, *_):
        self.keys.append(key)
        settled = asyncio.get_running_loop().create_future()
        settled.set_result(self.reasons.pop(0))
        return settled

    def over(self, why):
        self.ended.append(why)


async def told(publisher, times):
    """Return what became of so many messages of one feed."""
    results = []
    for _ in range(times):
        try:
            await publisher.publish_message(3, "id", b"{}")
            results.append(None)
        except Unavailable as error:
            results.append(error.reason)
    return results


@pytest.mark.parametrize(
    ("answers", "expected", "ends"),
    [
        (["full", "full"], ["disconnected", "full"], 1),
        ([None, "full"], [None, "full"], 0),
        (["timeout", "full"], ["timeout", "disconnected"], 1),
    ],
)
async def test_a_connection_whose_first_message_a_queue_refused_is_given_up_once(answers, expected, ends):
    publisher, wire = Publisher(SETTINGS, "test"), Wire(*answers)
    publisher._wire = wire

    assert expected == await told(publisher, len(answers))
    assert ["the queue of shard 3 refused its first message"] * ends == wire.ended


async def test_a_publisher_that_began_with_a_wrong_number_of_shards_gives_feeds_their_slots_once_postgres_tells(
    monkeypatch,
):
    """As one does that starts while Postgres is away, where it is refused otherwise."""
    told = asyncio.Queue()

    async def known(_settings):
        division = await told.get()
        told.task_done()
        return division

    monkeypatch.setattr(publish, "_FOLLOW_S", 0)
    monkeypatch.setattr(publish, "known_division", known)
    publisher, wire = Publisher(SETTINGS, "test"), Wire(None, None)
    publisher._wire = wire
    following = asyncio.create_task(publisher._follow())
    await publisher.publish_message(200, "id", b"{}")
    for division in (None, Division(6), None):
        told.put_nowait(division)
    await told.join()
    await publisher.publish_message(200, "id", b"{}")
    following.cancel()

    assert ["200", "8"] == wire.keys  # of 256 slots, and of 192


def test_a_queue_that_is_full_in_truth_costs_a_connection_less_and_less_often():
    refusals = Refusals()

    condemned = [now for now in range(600) if refusals.condemn(3, float(now))]

    assert [0, 1, 3, 7, 15, 31, 63, 123, 183, 243, 303, 363, 423, 483, 543] == condemned


def test_after_a_quiet_minute_a_refusal_counts_as_the_first():
    refusals = Refusals()
    for now in (0.0, 1.0, 3.0):
        assert refusals.condemn(3, now)

    assert refusals.condemn(3, 68.0)
    assert refusals.condemn(3, 69.0)


def test_another_queue_is_not_asked_for_what_one_has_taken():
    refusals = Refusals()
    refusals.taken.add(3)

    assert not refusals.condemn(3, 0.0)
    assert refusals.condemn(4, 0.0)
