"""Deliveries come out of the stream, everything else passes on untouched, whatever the chunks."""

from __future__ import annotations

import struct
from itertools import pairwise

import pamqp.frame
from hypothesis import given
from hypothesis import strategies as st
from pamqp.body import ContentBody
from pamqp.commands import Basic, Connection
from pamqp.header import ContentHeader
from pamqp.heartbeat import Heartbeat

from schemas.amqp.sieve import Sieve, nowhere
from workers.amqp.deliveries import Deliveries

OURS, FOREIGN = 3, 4
USUAL = Basic.Properties(content_type="application/json", delivery_mode=2, message_id="m")


def frames(channel, *parts):
    return b"".join(pamqp.frame.marshal(part, channel) for part in parts)


def delivery(channel, tag, body, *, properties=USUAL, redelivered=False, cut=None):  # noqa: PLR0913 - a message
    """Return the frames of one delivery, its body cut into pieces of `cut` bytes."""
    deliver = Basic.Deliver(f"ctag.{channel}", tag, redelivered, "", "feedline.shard.001")
    pieces = [body] if cut is None else [body[at : at + cut] for at in range(0, len(body), cut)]
    bodies = [ContentBody(piece) for piece in pieces if piece]
    return frames(channel, deliver, ContentHeader(0, len(body), properties), *bodies)


def tapped(pass_on, clock):
    sieve, deliveries = Sieve(pass_on, clock), Deliveries(lambda: 0.0, lambda _: None)
    sieve.take, sieve.take_whole = deliveries.take, deliveries.take_whole
    return sieve, deliveries


def run(chunks, times=None):
    """Return what a sieve with one registered channel makes of the chunks: (messages, bytes passed on)."""
    passed, messages = bytearray(), []
    times = iter(times or ())
    sieve, deliveries = tapped(passed.extend, lambda: next(times, 0.0))
    deliveries.register(OURS, messages.append)
    for chunk in chunks:
        sieve.feed(chunk)
    return messages, bytes(passed)


def seen(messages):
    return [(message.tag, message.redelivered, message.body) for message in messages]


def test_a_delivery_to_our_channel_comes_out_and_nothing_is_passed_on():
    messages, passed = run([delivery(OURS, 7, b"body", redelivered=True)])
    assert [(7, True, b"body")] == seen(messages)
    assert b"" == passed


def test_everything_else_is_passed_on_untouched():
    stream = frames(0, Heartbeat(), Connection.Blocked("memory")) + frames(OURS, Basic.CancelOk("ctag"))
    stream += delivery(FOREIGN, 1, b"theirs") + frames(OURS, Basic.Ack(1, False))
    assert ([], stream) == run([stream])


def test_a_stream_that_is_not_amqp_is_passed_on():
    assert ([], b"AMQP\x00\x00\x09\x01 and more") == run([b"AMQP\x00\x00\x09\x01", b" and more"])


def test_a_delivery_that_came_whole_is_taken_without_a_look_at_each_of_its_frames():
    looks, messages = [], []
    sieve, deliveries = tapped(looks.append, lambda: 0.0)
    deliveries.register(OURS, messages.append)
    sieve.take = lambda *frame: looks.append(frame) or False
    sieve.feed(delivery(OURS, 1, b"a", redelivered=True) + delivery(OURS, 2, b"bc"))
    assert [(1, True, b"a"), (2, False, b"bc")] == seen(messages)
    assert USUAL == messages[1].properties
    assert [] == looks


@given(st.binary(max_size=9), st.integers(0, 200), st.integers(0, 255))
def test_a_byte_that_is_wrong_in_a_delivery_makes_of_it_what_it_makes_frame_by_frame(body, place, value):
    stream = bytearray(delivery(OURS, 1, body) + delivery(OURS, 2, b"next"))
    stream[place % len(stream)] = value

    def made(whole):
        passed, messages = bytearray(), []
        sieve, deliveries = tapped(passed.extend, lambda: 0.0)
        deliveries.register(OURS, messages.append)
        if not whole:
            sieve.take_whole = nowhere
        try:
            sieve.feed(bytes(stream))
        except (struct.error, IndexError) as error:
            return type(error)
        return [(one.tag, one.redelivered, one.header, one.body) for one in messages], passed

    assert made(whole=False) == made(whole=True)


def test_acks_and_rejects_are_written_as_the_library_would_write_them():
    written = []
    deliveries = Deliveries(lambda: 0.0, written.append)
    deliveries.ack(OURS, 2**40)
    deliveries.reject(FOREIGN, 7)
    assert [frames(OURS, Basic.Ack(2**40, True)), frames(FOREIGN, Basic.Reject(7, False))] == written


def test_an_empty_body_is_a_delivery_too():
    assert [(1, False, b"")] == seen(run([delivery(OURS, 1, b"")])[0])


def test_a_body_in_several_frames_is_put_together_although_other_channels_come_between():
    ours = delivery(OURS, 1, b"abcdef", cut=2)
    cut = ours.index(pamqp.frame.marshal(ContentBody(b"cd"), OURS))
    foreign = delivery(FOREIGN, 9, b"theirs")
    messages, passed = run([ours[:cut] + foreign + ours[cut:]])
    assert [(1, False, b"abcdef")] == seen(messages)
    assert foreign == passed


def test_who_waits_for_a_reply_is_told_and_the_usual_message_has_nobody():
    wanted = Basic.Properties(delivery_mode=2, reply_to="amq.gen-1", correlation_id="c", headers={"x": 1})
    messages, _ = run([delivery(OURS, 1, b"a", properties=wanted) + delivery(OURS, 2, b"b")])
    assert [("amq.gen-1", "c"), (None, None)] == [message.reply for message in messages]
    assert {"x": 1} == messages[0].properties.headers


def test_the_library_hears_a_sign_of_life_while_there_are_only_deliveries():
    stream = delivery(OURS, 1, b"a")
    _, passed = run([stream, stream], times=[0.0, 0.5, 2.0, 2.0])
    assert pamqp.frame.marshal(Heartbeat(), 0) == passed


def test_a_channel_that_is_no_longer_registered_is_passed_on():
    passed, messages = bytearray(), []
    sieve, deliveries = tapped(passed.extend, lambda: 0.0)
    handler = messages.append
    deliveries.register(OURS, handler)
    deliveries.unregister(OURS, messages.clear)  # somebody else's
    sieve.feed(delivery(OURS, 1, b"a"))
    deliveries.unregister(OURS, handler)
    sieve.feed(delivery(OURS, 2, b"b"))
    assert [1] == [message.tag for message in messages]
    assert delivery(OURS, 2, b"b") == bytes(passed)


PARTS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from((OURS, FOREIGN)), st.binary(max_size=40), st.none() | st.integers(1, 9)),
        st.just(None),
    ),
    max_size=8,
)


@given(PARTS, st.lists(st.integers(0, 2_000), max_size=12))
def test_the_chunks_of_the_stream_do_not_matter(parts, cuts):
    stream, expected, foreign = b"", [], b""
    for tag, part in enumerate(parts):
        if part is None:
            piece = frames(OURS, Basic.CancelOk("ctag"))
            foreign += piece
        else:
            channel, body, cut = part
            piece = delivery(channel, tag, body, cut=cut)
            if channel == OURS:
                expected.append((tag, False, body))
            else:
                foreign += piece
        stream += piece
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    messages, passed = run([stream[begin:end] for begin, end in pairwise(edges)])
    assert expected == seen(messages)
    assert foreign == passed
