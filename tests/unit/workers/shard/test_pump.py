"""The pump of one shard: what it does with deliveries, failures and requests to stop. Pure but for the event loop."""

from __future__ import annotations

import asyncio
import time
import uuid
from datetime import UTC, datetime

import pytest
import structlog

from schemas.errors import Transient
from workers.amqp.deliveries import Message
from workers.shard.flight import GivenUp


async def turns_of_the_loop():
    """Let everything go on that can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_windows_are_applied_in_order_and_acked_after_their_commit(rig):
    rig.consumer.deliver(1, 2, 3)
    await rig.until(("ack", 3))
    assert [("apply", 1, 2, "ok"), ("ack", 2), ("apply", 3, "ok"), ("ack", 3)] == rig.did
    rig.signals.stopping.set()
    await asyncio.wait_for(rig.task, 60)
    assert rig.pump.empty
    assert 3 == int(rig.state.passed_at.timestamp() * 1000)


async def test_a_batch_knows_when_it_was_delivered(rig):
    an_hour_ago = datetime.now(UTC).timestamp() * 1000 - 3_600_000
    rig.delivered_at = time.monotonic() - 3_600
    rig.consumer.deliver(1)
    await rig.until(("ack", 1))
    (batch,) = rig.applied

    assert abs(batch.delivered_ms - an_hour_ago) < 60_000  # both clocks are read one after the other, at leisure


async def test_the_log_tells_at_debug_which_batches_were_committed_and_acked_when(rig):
    with structlog.testing.capture_logs() as logged:
        rig.consumer.deliver(1, 2)
        await rig.until(("ack", 2))
        await rig.pump._flight

    (told,) = [event for event in logged if event["event"] == "window_committed"]
    assert [str(uuid.UUID(int=number)) for number in (1, 2)] == told["batch_ids"]
    assert told["at"] <= told["acked_at"]


async def test_a_window_fills_while_another_shard_has_the_turn_and_goes_when_it_is_given_back(rig):
    rig.other.take()
    rig.consumer.deliver(1)
    await turns_of_the_loop()
    assert [1] == [one.received_ms for one in rig.pump.in_hand]
    rig.consumer.deliver(2, 3)
    await turns_of_the_loop()
    rig.other.leave()
    await rig.until(("ack", 3))
    assert [("apply", 1, 2, "ok"), ("ack", 2), ("apply", 3, "ok"), ("ack", 3)] == rig.did
    rig.signals.stopping.set()
    await asyncio.wait_for(rig.task, 60)
    assert rig.other.take(), "the pump gave its turn back"


async def test_a_window_that_postgres_does_not_take_is_kept_and_tried_again_on_the_same_session(rig):
    rig.results = [Transient("crowded")]
    rig.consumer.deliver(1)
    await rig.until(("ack", 1))
    assert [("apply", 1, "Transient"), ("apply", 1, "ok"), ("ack", 1)] == rig.did
    assert rig.health.ready() is None


async def test_a_commit_that_the_standby_did_not_take_is_not_acked_until_it_has(rig):
    rig.unreplicated = [True]
    rig.consumer.deliver(1)
    await rig.until(("ack", 1))
    assert [("apply", 1, "ok"), ("apply", 1, "ok"), ("ack", 1)] == rig.did


async def test_what_is_no_batch_goes_to_the_dead_exchange_and_stops_nothing(rig):
    rig.consumer.raw.append(Message(1, False, 0.0, b"\0" * 14, b"no batch"))
    rig.consumer.deliver(2)
    await rig.until(("ack", 2))
    assert ("reject", 1) == rig.did[0]


async def test_asked_to_stop_it_notes_the_drain_before_the_cancel_and_ends_when_nothing_is_in_hand(rig):
    rig.hold.clear()
    rig.consumer.deliver(1, 2, 3)
    await rig.applying.wait()
    rig.signals.stopping.set()
    rig.signals.wake.set()
    rig.hold.set()
    await asyncio.wait_for(rig.task, 60)
    assert [("apply", 1, 2, "ok"), "note", "cancel", ("ack", 2), ("apply", 3, "ok"), ("ack", 3)] == rig.did
    assert rig.pump.drained


async def test_a_cancel_whose_answer_is_lost_is_no_drain_although_nothing_is_in_hand(rig):
    rig.cancel_fails = True
    rig.signals.stopping.set()
    rig.signals.wake.set()
    await asyncio.wait_for(rig.task, 60)
    assert not rig.pump.drained


async def test_asked_to_abandon_it_gives_back_at_once_what_is_in_flight_too(rig):
    rig.hold.clear()
    rig.consumer.deliver(1, 2, 3)
    await rig.applying.wait()
    rig.signals.abandoned = "held for dead"
    rig.signals.wake.set()
    with pytest.raises(GivenUp, match="held for dead"):
        await asyncio.wait_for(rig.task, 60)
    assert [] == rig.did


async def test_a_closed_channel_ends_it_after_the_window_in_flight(rig):
    rig.hold.clear()
    rig.consumer.deliver(1)
    await rig.applying.wait()
    rig.consumer.over = True
    rig.signals.wake.set()
    rig.hold.set()
    await asyncio.wait_for(rig.task, 60)
    assert ("apply", 1, "ok") in rig.did


async def test_what_is_in_hand_is_told_oldest_first(rig):
    rig.hold.clear()
    rig.consumer.deliver(1, 2, 3)
    await rig.applying.wait()
    row = rig.state.row(rig.pump.in_hand, ("postgres", "away"))
    assert (1, [{"feedId": 3, "batches": 2}], "postgres", "away") == (
        int(row["oldest_at"].timestamp() * 1000),
        row["feeds"],
        row["waits_for"],
        row["waits_reason"],
    )
    rig.hold.set()
