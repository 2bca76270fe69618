"""What is sent to endpoints: messages, their signatures, and when to try again."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson

from ingest.changes.reader import Event
from ingest.deliver.message import Message, delay_of, headers_of, message_of

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def event(position, name="inventory.changed", size=1):
    return Event(position, AT, name, [{"id": f"{position}-{n}"} for n in range(size)])


def test_signatures_are_those_of_the_specification():
    """The vector of the reference implementations (standard-webhooks/libraries, `sign`)."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    message = Message("msg_p5jXN8AQM9LWM0D4loKWxJek", 1, [], b'{"test": 2432232314}')

    headers = headers_of(message, [secret], datetime.fromtimestamp(1614265330, UTC))

    assert {
        "Content-Type": "application/json",
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    } == headers


def test_changes_that_follow_one_another_are_one_message_and_other_events_one_each():
    message = message_of(7, 3, [event(4, size=2), event(5), event(6, "batch.done"), event(8)])

    body = orjson.loads(message.body)
    assert ("msg_7_3_5", 5, 3) == (message.id, message.ends, len(message.content))
    assert ("inventory.changed", ["4-0", "4-1", "5-0"]) == (
        body["type"],
        [change["id"] for change in body["data"]["changes"]],
    )
    done = message_of(7, 5, [event(6, "batch.done"), event(7, "batch.done")])
    assert (6, {"type": "batch.done", "timestamp": "2026-03-01T12:00:00Z", "data": {"id": "6-0"}}) == (
        done.ends,
        orjson.loads(done.body),
    )


def test_delays_grow_to_two_hours_and_are_spread_by_a_quarter():
    assert [5, 30, 120, 600, 1_800, 3_600, 7_200, 7_200] == [delay_of(n, 1).total_seconds() for n in range(1, 9)]
    assert 5_400 == delay_of(99, 0).total_seconds()
