"""Frames made by hand are what a general AMQP library reads."""

import pamqp.frame
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp import commands

from ingest.amqp import frames


def unmarshalled(data):
    result = []
    while data:
        used, channel, value = pamqp.frame.unmarshal(data)
        result.append((channel, value))
        data = data[used:]
    return result


def test_a_message_is_mandatory_persistent_json_with_its_ids():
    extras = frames.Extras("reply", "id-1")
    data = b"".join(
        (frames.publish_method(1, "feedline.shards", "3"), *frames.content(1, 131_072, b"{}", "abc", extras))
    )

    (_, method), (_, header), (_, body) = unmarshalled(data)

    assert ("feedline.shards", "3", True, False) == (
        method.exchange,
        method.routing_key,
        method.mandatory,
        method.immediate,
    )
    assert (2, "application/json", "abc", "reply", "id-1") == (
        header.properties.delivery_mode,
        header.properties.content_type,
        header.properties.message_id,
        header.properties.reply_to,
        header.properties.correlation_id,
    )
    assert (2, b"{}") == (header.body_size, body.value)


def test_a_message_without_reply_has_no_reply_properties():
    ((_, header), _) = unmarshalled(b"".join(frames.content(1, 131_072, b"{}", "abc")))

    assert (None, None) == (header.properties.reply_to, header.properties.correlation_id)
    assert None is header.properties.headers


def test_a_trace_travels_in_a_header_beside_everything_else():
    ((_, header), _) = unmarshalled(
        b"".join(frames.content(1, 131_072, b"{}", "abc", frames.Extras("reply", "id-1", "00-1-2-01")))
    )

    assert {"traceparent": "00-1-2-01"} == header.properties.headers
    assert (2, "abc", "reply", "id-1") == (
        header.properties.delivery_mode,
        header.properties.message_id,
        header.properties.reply_to,
        header.properties.correlation_id,
    )


@given(body=st.binary(max_size=3_000), frame_max=st.integers(min_value=64, max_value=4_096))
def test_a_long_body_is_cut_to_the_frame_size_and_reads_back(body, frame_max):
    (_, header), *parts = unmarshalled(b"".join(frames.content(1, frame_max, body, "abc")))

    assert (len(body), body) == (header.body_size, b"".join(part.value for _, part in parts))
    assert all(len(part.value) + frames.OVERHEAD <= frame_max for _, part in parts)


def test_a_confirm_tells_its_tag_and_whether_it_is_of_several():
    ack, nack = (
        pamqp.frame.marshal(method, 1)[7:-1] for method in (commands.Basic.Ack(5, True), commands.Basic.Nack(6, False))
    )

    assert (5, 1) == frames.confirm(ack)[1:]
    assert (6, 2) == frames.confirm(nack)[1:]


def test_a_name_over_255_bytes_is_refused_before_anything_is_written():
    with pytest.raises(ValueError, match="longer than 255"):
        frames.publish_method(1, "", "x" * 256)
