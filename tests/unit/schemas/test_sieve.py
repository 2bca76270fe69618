"""A stream is cut into the same frames whatever its chunks; what is not taken passes on, whole and in its order."""

import pamqp.frame
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp import commands

from schemas.amqp.sieve import HEARTBEAT, HEARTBEAT_FRAME, METHOD, Sieve

METHODS = [commands.Basic.Ack(5, True), commands.Basic.Nack(6, False), commands.Connection.Blocked("low on memory")]
STREAM = b"".join(pamqp.frame.marshal(method, 1) for method in METHODS) + HEARTBEAT_FRAME


def sieved(chunks, take):
    """Return (frames offered, bytes passed on); `take` is given a frame's payload."""
    offered, passed = [], bytearray()

    def offer(kind, channel, payload):
        offered.append((kind, channel, payload))
        return take(payload)

    sieve = Sieve(passed.extend, lambda: 0.0)
    sieve.take = offer
    for chunk in chunks:
        sieve.feed(chunk)
    return offered, bytes(passed)


@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=8).map(sorted))
def test_the_frames_are_the_same_whatever_the_chunks(cuts):
    chunks = [STREAM[start:end] for start, end in zip([0, *cuts], [*cuts, len(STREAM)], strict=True)]

    offered, passed = sieved(chunks, lambda payload: payload[:4] == b"\x00\x3c\x00\x78")

    assert [(METHOD, 1), (METHOD, 1), (METHOD, 1), (HEARTBEAT, 0)] == [frame[:2] for frame in offered]
    assert STREAM.replace(pamqp.frame.marshal(METHODS[1], 1), b"") == passed


def test_what_is_taken_whole_leaves_nothing_to_pass_on():
    assert b"" == sieved([STREAM], lambda _: True)[1]


@pytest.mark.parametrize(
    "foreign", [b"HTTP/1.1 400 Bad Request\r\n", b"\x01\x00\x01\xff\xff\xff\xff\x00", b"\x01\0\1\0\0\0\1xx"]
)
def test_what_is_no_amqp_is_the_librarys_to_complain_of(foreign):
    taken = pamqp.frame.marshal(METHODS[0], 1)

    offered, passed = sieved([taken + foreign, b"and more"], lambda _: True)

    assert (1, foreign + b"and more") == (len(offered), passed)
