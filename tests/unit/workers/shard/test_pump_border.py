"""The pump of a shard that is doubled: what is before End and what is behind it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from schemas.division import Division, end_message


@pytest.fixture
def splits(monkeypatch, rig):
    """Postgres' word of a doubling from 4 to 8: what shards `end_split` opened; the border follows it."""
    opened = []

    async def end_split(_, shard):
        rig.did.append(("open", shard))
        opened.append(shard)

    async def division(_):
        return Division(8, frozenset(range(4, 8)) - set(opened)) if opened else None

    monkeypatch.setattr("workers.shard.strays.SHARD", SimpleNamespace(end_split=end_split))
    monkeypatch.setattr("workers.shard.border.division", division)
    return opened


async def test_what_is_before_end_is_applied_and_what_is_behind_it_of_the_new_shard_is_sent_on(rig, splits):
    rig.consumer.deliver(1, feed=3)
    rig.consumer.deliver(2, feed=7)
    rig.consumer.deliver_message(3, end_message(8))
    rig.consumer.deliver(4, feed=7)
    rig.consumer.deliver(5, feed=3)
    await rig.until(("ack", 5))

    parted = {slot: 7 for slot in range(256) if slot % 8 == 7}
    assert [
        ("apply", 1, 2, "ok"),
        ("ack", 2),
        ("open", 7),
        ("part", 3, parted),
        ("ack", 3),
        ("send on", 4, 7),
        ("apply", 5, "ok"),
        ("ack", 5),
    ] == rig.did


async def test_end_of_a_doubling_that_is_over_opens_nothing(rig, splits):
    rig.lock.border.modulus = 8
    rig.consumer.deliver_message(1, end_message(8))
    rig.consumer.deliver_message(2, end_message(4))
    await rig.until(("ack", 2))

    assert [] == splits


async def test_a_stray_waits_while_rabbitmq_is_away_and_nothing_overtakes_it(rig):
    rig.outlet.away = True
    rig.consumer.deliver(1, feed=5)
    rig.consumer.deliver(2)
    await rig.until("away")
    assert "away" == rig.health.of("shard 3")[1].partition(": ")[2]

    rig.outlet.away = False
    await rig.until(("ack", 2))
    done = [what for what in rig.did if what != "away"]
    assert [("send on", 1, 1), ("part", 3, {5: 1}), ("apply", 2, "ok"), ("ack", 2)] == done


async def test_a_pump_that_is_stopped_before_end_passes_it_first(rig, splits):
    rig.consumer.deliver_message(1, end_message(8))
    rig.signals.stopping.set()
    rig.signals.wake.set()
    await asyncio.wait_for(rig.task, 60)

    assert ([7], True) == (splits, rig.pump.drained)
