"""The sharp end of publishing, without a broker: what ends a message's wait, and when."""

import pamqp.frame
import pytest
from pamqp import commands
from pamqp.body import ContentBody
from pamqp.header import ContentHeader
from prometheus_client import REGISTRY

from schemas.amqp.sieve import HEARTBEAT, Sieve


def say(wire, method, channel=1):
    """Let the broker say something; returns the bytes that the library gets to see of it."""
    passed = bytearray()
    sieve = Sieve(passed.extend, lambda: 0.0)
    sieve.take = wire.take
    sieve.feed(pamqp.frame.marshal(method, channel))
    return bytes(passed)


def beat(wire):
    wire.take(HEARTBEAT, 0, b"")


def publish(wire, *names):
    return [wire.publish("queue", name, b"{}") for name in names]


def results(confirms):
    return [confirm.result() if confirm.done() else "waiting" for confirm in confirms]


async def test_messages_of_one_turn_leave_in_one_write_in_the_order_of_the_calls(rig):
    wire, clock, transport = rig

    publish(wire, "first", "second")
    assert [] == transport.written
    clock.turn()

    (written,) = transport.written
    assert 0 < written.index(b"first") < written.index(b"second")


async def test_an_ack_ends_one_wait_and_an_ack_of_several_all_up_to_it(rig):
    wire, _, _ = rig
    confirms = publish(wire, *"abcde")

    say(wire, commands.Basic.Ack(2))
    assert ["waiting", None, "waiting", "waiting", "waiting"] == results(confirms)
    say(wire, commands.Basic.Ack(4, multiple=True))
    assert [None, None, None, None, "waiting"] == results(confirms)
    assert 1 == wire.in_flight


async def test_a_nack_means_full_and_an_unknown_tag_means_nothing(rig):
    wire, _, _ = rig
    confirms = publish(wire, *"ab")

    say(wire, commands.Basic.Nack(1, multiple=False))
    say(wire, commands.Basic.Ack(99))

    assert ["full", "waiting"] == results(confirms)


async def test_a_returned_message_is_unroutable_though_it_is_acked_after(rig):
    wire, _, _ = rig
    confirms = publish(wire, *"ab")

    say(wire, commands.Basic.Return(312, "NO_ROUTE", "", "queue"))
    say(wire, ContentHeader(0, 2, commands.Basic.Properties(message_id="b")))
    say(wire, ContentBody(b"{}"))
    say(wire, commands.Basic.Ack(2, multiple=True))

    assert [None, "unroutable"] == results(confirms)


async def test_a_returned_message_is_its_publishers_again_and_not_settled(rig):
    wire, _, _ = rig
    settled = []
    wire.publish("1", "a", b"{}", None, lambda: settled.append("first try"))
    say(wire, commands.Basic.Return(312, "NO_ROUTE", "feedline.shards", "1"))
    say(wire, ContentHeader(0, 2, commands.Basic.Properties(message_id="a")))
    say(wire, commands.Basic.Ack(1))
    assert [] == settled

    wire.publish("1", "a", b"{}", None, lambda: settled.append("second try"))
    say(wire, commands.Basic.Ack(2))

    assert ["second try"] == settled


async def test_the_same_message_twice_in_flight_is_returned_twice(rig):
    wire, _, _ = rig
    confirms = publish(wire, *"aa")
    for _ in range(2):
        say(wire, commands.Basic.Return(312, "NO_ROUTE", "", "queue"))
        say(wire, ContentHeader(0, 2, commands.Basic.Properties(message_id="a")))

    assert ["unroutable", "unroutable"] == results(confirms)


async def test_a_late_confirm_is_a_timeout_and_its_ack_then_means_nothing(rig):
    wire, clock, _ = rig
    (late,) = publish(wire, "a")
    clock.pass_time(3)
    (later,) = publish(wire, "b")
    beat(wire)
    clock.pass_time(2.2)
    say(wire, commands.Basic.Ack(1))

    assert ["timeout", "waiting"] == results([late, later])


async def test_a_broker_that_says_nothing_while_a_confirm_is_late_is_given_up(rig):
    wire, clock, transport = rig
    beat(wire)
    clock.pass_time(30)
    assert not wire.closed.done()  # nobody waits for it

    beat(wire)
    (late,) = publish(wire, "a")
    clock.pass_time(3)
    (later,) = publish(wire, "b")
    clock.pass_time(2.3)

    assert ["timeout", "disconnected"] == results([late, later])
    assert transport.aborted
    assert wire.closed.result().startswith("the broker has said nothing for ")


async def test_a_standstill_of_our_own_is_no_silence_of_the_broker(rig):
    wire, clock, _ = rig
    beat(wire)
    (late,) = publish(wire, "a")
    clock.now += 30
    clock.pass_time(0.1)

    assert ["timeout"] == results([late])
    assert not wire.closed.done()


async def test_a_blocked_broker_refuses_new_messages_at_once_and_old_ones_in_time(rig):
    wire, clock, _ = rig
    (before,) = publish(wire, "a")
    say(wire, commands.Connection.Blocked("low on memory"), 0)
    (during,) = publish(wire, "b")

    assert ["waiting", "blocked"] == results([before, during])
    clock.pass_time(3)
    beat(wire)
    clock.pass_time(2.2)
    assert ["blocked"] == results([before])
    say(wire, commands.Connection.Unblocked(), 0)
    assert ["waiting"] == results(publish(wire, "c"))


async def test_a_full_socket_refuses_new_messages_until_it_drains(rig):
    wire, _, transport = rig
    transport.paused = True
    assert ["blocked"] == results(publish(wire, "a"))
    transport.paused = False
    assert ["waiting"] == results(publish(wire, "b"))


@pytest.mark.parametrize(
    ("method", "channel", "why"),
    [
        (commands.Connection.Close(320, "CONNECTION_FORCED", 0, 0), 0, "the connection: 320 CONNECTION_FORCED"),
        (commands.Channel.Close(403, "ACCESS_REFUSED", 60, 40), 1, "the channel: 403 ACCESS_REFUSED"),
    ],
)
async def test_a_close_by_the_broker_ends_all_waits_and_is_the_librarys_to_answer(rig, method, channel, why):
    wire, _, _ = rig
    confirms = publish(wire, *"ab")

    assert pamqp.frame.marshal(method, channel) == say(wire, method, channel)

    assert ["disconnected", "disconnected"] == results(confirms)
    assert f"the broker closed {why}" == wire.closed.result()
    assert ["disconnected"] == results(publish(wire, "c"))


async def test_another_channel_of_the_connection_is_the_librarys_alone(rig):
    wire, _, _ = rig
    confirms = publish(wire, "a")

    for method in (commands.Basic.Ack(1), commands.Channel.Close(404, "NOT_FOUND", 50, 10)):
        assert pamqp.frame.marshal(method, 2) == say(wire, method, 2)

    assert ["waiting"] == results(confirms)


async def test_a_lost_connection_ends_all_waits(rig):
    wire, _, _ = rig
    confirms = publish(wire, *"ab")

    wire.over("reset by peer")

    assert ["disconnected", "disconnected"] == results(confirms)
    assert "reset by peer" == wire.closed.result()


async def test_a_caller_that_gives_up_disturbs_nobody(rig):
    wire, _, _ = rig
    given_up, other = publish(wire, *"ab")
    given_up.cancel()

    say(wire, commands.Basic.Ack(2, multiple=True))

    assert other.result() is None


async def test_a_late_message_is_settled_when_its_confirm_comes_or_the_connection_ends(rig):
    wire, clock, _ = rig
    settled = []
    confirms = [wire.publish("queue", name, b"{}", None, lambda name=name: settled.append(name)) for name in "abcd"]

    say(wire, commands.Basic.Ack(1))
    clock.pass_time(3)
    beat(wire)
    clock.pass_time(3)
    assert ([None, "timeout", "timeout", "timeout"], ["a"], 3) == (results(confirms), settled, wire.in_flight)
    say(wire, commands.Basic.Ack(2))
    say(wire, commands.Basic.Nack(3, multiple=True))
    assert (["a", "b", "c"], 1) == (settled, wire.in_flight)
    wire.over("gone")
    wire.publish("queue", "e", b"{}", None, lambda: settled.append("e"))
    assert (["a", "b", "c", "d", "e"], 0) == (settled, wire.in_flight)


async def test_late_messages_that_nobody_asks_after_are_forgotten(rig):
    wire, clock, _ = rig
    confirms = publish(wire, *"ab")
    clock.pass_time(3)
    beat(wire)
    clock.pass_time(3)
    assert (["timeout", "timeout"], 0) == (results(confirms), wire.in_flight)


async def test_the_time_to_each_confirm_is_measured_from_its_publish(rig):
    def told():
        return [REGISTRY.get_sample_value(f"feedline_confirm_seconds_{what}") for what in ("count", "sum")]

    wire, clock, _ = rig
    (count, total) = told()
    publish(wire, "a", "b")
    clock.now += 0.2
    publish(wire, "c")
    say(wire, commands.Basic.Ack(1))
    clock.now += 0.3
    say(wire, commands.Basic.Ack(3, multiple=True))

    assert (count + 3, round(total + 0.2 + 0.5 + 0.3, 6)) == (told()[0], round(told()[1], 6))
