"""What goes into one window."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.batches import Batch, Operation, Source
from workers.amqp.delivery import Delivery
from workers.shard.builder import Limits, Lull, WindowBuilder

LIMITS = Limits(batches=4, size=100, age=0.005)


def builder_of_a_stream():
    """Return a builder to whose worker a batch came just before 1.0, so that the next ones wait for more."""
    lull = Lull()
    lull.ended_by(0.999, LIMITS.age)
    return WindowBuilder(LIMITS, lull)


def delivery(tag, *, size=10, at=1.0, operation=Operation.UPSERT, reply_to=None):
    batch = Batch(uuid.UUID(int=tag), 1, 1, 0, Source.WEBHOOK, [{"externalId": "a"}], operation)
    return Delivery(tag, batch, size, at, reply_to)


def drain(builder, deliveries):
    """Return the tags of each window when a window is taken as soon as it is full."""
    windows = []
    for one in deliveries:
        while builder.full:
            windows.append([d.tag for d in builder.take()])
        builder.offer(one)
    while len(builder):
        windows.append([d.tag for d in builder.take()])
    return windows


def test_an_empty_window_is_never_due():
    assert builder_of_a_stream().due() is None


def test_a_window_is_due_when_its_first_batch_has_waited_long_enough():
    builder = builder_of_a_stream()
    builder.offer(delivery(1, at=1.0))
    builder.offer(delivery(2, at=1.004))
    assert 1.005 == builder.due()


def test_a_window_of_the_most_batches_is_due_at_once():
    builder = builder_of_a_stream()
    for tag in range(4):
        builder.offer(delivery(tag))
    assert builder.full
    assert float("-inf") == builder.due()


def test_a_batch_whose_sender_waits_makes_its_window_due_at_once():
    builder = builder_of_a_stream()
    builder.offer(delivery(1))
    builder.offer(delivery(2, reply_to="amq.gen-1"))
    assert not builder.full
    assert float("-inf") == builder.due()


def test_the_haste_of_a_window_does_not_pass_to_the_next():
    builder = builder_of_a_stream()
    builder.offer(delivery(1, reply_to="amq.gen-1"))
    builder.take()
    builder.offer(delivery(2, at=1.002))
    assert 1.007 == builder.due()


def test_a_batch_that_comes_after_a_lull_makes_its_window_due_at_once():
    builder = builder_of_a_stream()
    builder.offer(delivery(1, at=1.005))
    assert float("-inf") == builder.due()


def test_there_is_no_lull_in_a_shard_while_another_one_of_the_worker_gets_batches():
    lull = Lull()
    own, other = WindowBuilder(LIMITS, lull), WindowBuilder(LIMITS, lull)
    for number in range(3):
        other.offer(delivery(number, at=1.0 + number * 0.004))
    own.offer(delivery(4, at=1.012))
    assert 1.017 == own.due()


def test_a_batch_that_is_looked_at_late_makes_no_lull():
    lull = Lull()
    assert lull.ended_by(2.0, 0.005)
    assert not lull.ended_by(1.0, 0.005)
    assert not lull.ended_by(2.004, 0.005)


def test_a_window_ends_where_the_operation_changes():
    operations = [Operation.UPSERT, Operation.UPSERT, Operation.DELETE, Operation.UPSERT]
    deliveries = [delivery(tag, operation=operation) for tag, operation in enumerate(operations)]
    assert [[0, 1], [2], [3]] == drain(builder_of_a_stream(), deliveries)


def test_a_window_ends_before_it_holds_too_many_bytes():
    deliveries = [delivery(tag, size=size) for tag, size in enumerate([60, 30, 20, 80, 10])]
    assert [[0, 1], [2, 3], [4]] == drain(builder_of_a_stream(), deliveries)


def test_a_batch_larger_than_a_window_goes_alone():
    deliveries = [delivery(tag, size=size) for tag, size in enumerate([10, 500, 10])]
    assert [[0], [1], [2]] == drain(builder_of_a_stream(), deliveries)


def test_a_full_window_takes_nothing_more():
    builder = builder_of_a_stream()
    builder.offer(delivery(1, size=100))
    with pytest.raises(AssertionError):
        builder.offer(delivery(2))


@given(st.lists(st.tuples(st.integers(1, 150), st.sampled_from(Operation)), max_size=60))
def test_every_delivery_comes_out_once_in_order_and_within_the_limits(kinds):
    deliveries = [delivery(tag, size=size, operation=operation) for tag, (size, operation) in enumerate(kinds)]
    windows = drain(builder_of_a_stream(), deliveries)
    assert list(range(len(kinds))) == [tag for window in windows for tag in window]
    for window in windows:
        assert len(window) <= LIMITS.batches
        assert len(window) == 1 or sum(kinds[tag][0] for tag in window) <= LIMITS.size
        assert len({kinds[tag][1] for tag in window}) == 1
