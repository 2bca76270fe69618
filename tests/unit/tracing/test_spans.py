"""Spans of a post, its publishing and its window are one trace, and a process without TRACING knows nothing of it."""

from __future__ import annotations

import asyncio
import sys
import uuid

import pamqp.frame
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from ingest.amqp import frames
from ingest.amqp.publish import Publisher, Unavailable
from ingest.amqp.publishing import publisher
from ingest.amqp.traced import TracedPublisher
from ingest.edge.traced import traced
from schemas.batches import Batch, Source
from schemas.errors import Permanent
from schemas.settings import Settings
from schemas.tracing import exported
from workers.amqp.delivery import Delivery
from workers.apply import WindowResult
from workers.clock import Clock
from workers.health import Health
from workers.shard.flight import Flight
from workers.shard.pump import flight
from workers.shard.tools import Tools
from workers.shard.traced import TracedFlight

OFF = Settings(database_url="x", amqp_url="x", secret_key="k" * 32, shards=4)
ON = OFF.model_copy(update={"tracing": True})
BATCH = Batch(uuid.UUID(int=5), 1, 6, 1_000, Source.WEBHOOK, [{"externalId": "a"}], delivered_ms=2_000)
THEIRS = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(scope="module")
def exporter():
    memory = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    trace.set_tracer_provider(provider)
    return memory


@pytest.fixture
def spans(exporter):
    """Return the spans that have ended since the test began, by name."""
    exporter.clear()
    return lambda: {span.name.split()[0].lower(): span for span in exporter.get_finished_spans()}


class Wire:
    """Answers as the broker does, and keeps what came with the last message."""

    def __init__(self, reason=None):
        self.reason, self.extras = reason, None

    def publish(self, _queue, _message_id, _body, extras, _settled):
        self.extras = extras
        settled = asyncio.get_running_loop().create_future()
        settled.set_result(self.reason)
        return settled


def tracing_publisher(wire):
    made = publisher(ON, "test")
    made._wire = wire
    return made


def delivery(extras):
    header, *_ = frames.content(1, 4_096, b"", BATCH.batch_id.hex, extras)
    _, _, content = pamqp.frame.unmarshal(header)
    payload = header[7:-1]
    assert content.properties.message_id == BATCH.batch_id.hex
    return Delivery(1, BATCH, 2, 0.0, properties=payload)


def tracing_flight(monkeypatch, error=None):
    async def commit(*_):
        if error is not None:
            raise error
        return WindowResult([])

    monkeypatch.setattr(Flight, "commit", commit)
    return flight(2, None, Tools(ON, uuid.UUID(int=9), None, Health(), None, None, Clock()), lambda: None)


async def posted(wire, *, trust_forwarded=False, status=202, **headers):
    async def handle(_):
        await tracing_publisher(wire).publish(BATCH)
        return web.Response(status=status)

    request = make_mocked_request("POST", "/", headers=headers)
    return await traced(handle, trust_forwarded=trust_forwarded)(request)


async def test_post_publish_window_and_commit_are_one_trace(spans, monkeypatch):
    wire = Wire()
    await posted(wire)
    await tracing_flight(monkeypatch).commit([delivery(wire.extras)])

    post, publish, window, commit = (spans()[name] for name in ("post", "publish", "window", "commit"))
    assert [post.context.trace_id] * 3 == [one.context.trace_id for one in (publish, window, commit)]
    assert [None, post.context.span_id, publish.context.span_id, window.context.span_id] == [
        one.parent and one.parent.span_id for one in (post, publish, window, commit)
    ]
    assert [trace.SpanKind.SERVER, trace.SpanKind.PRODUCER, trace.SpanKind.CONSUMER] == [
        one.kind for one in (post, publish, window)
    ]
    assert 202 == post.attributes["http.response.status_code"]
    assert {str(BATCH.batch_id)} == {one.attributes["messaging.message.id"] for one in (publish, window)}
    assert ["feedline.shards", "feedline.shard.002"] == [
        one.attributes["messaging.destination.name"] for one in (publish, window)
    ]
    assert 2_000 * 1_000_000 == window.start_time
    assert window.start_time < commit.start_time <= commit.end_time <= window.end_time


async def test_a_vendors_trace_is_linked_and_one_behind_a_trusted_proxy_is_continued(spans):
    await posted(Wire(), traceparent=THEIRS)
    post = spans()["post"]
    assert (None, [0x0AF7651916CD43DD8448EB211C80319C]) == (
        post.parent,
        [link.context.trace_id for link in post.links],
    )

    await posted(Wire(), trust_forwarded=True, traceparent=THEIRS)
    assert 0xB7AD6B7169203331 == spans()["post"].parent.span_id


@pytest.mark.parametrize("sent", ["", "00-nonsense", "00-" + "0" * 32 + "-b7ad6b7169203331-01"])
async def test_a_traceparent_that_is_none_is_passed_over(spans, sent):
    await posted(Wire(), traceparent=sent)

    assert (None, ()) == (spans()["post"].parent, spans()["post"].links)


async def test_what_the_broker_does_not_take_and_what_is_not_committed_are_errors(spans, monkeypatch):
    with pytest.raises(Unavailable):
        await tracing_publisher(Wire("timeout")).publish(BATCH)
    with pytest.raises(ConnectionError):
        await tracing_flight(monkeypatch, ConnectionError()).commit([delivery(None)])
    await posted(Wire(), status=503)

    found = spans()
    assert {trace.StatusCode.ERROR} == {found[name].status.status_code for name in ("window", "post")}
    assert "commit" not in found


async def test_a_message_of_one_who_does_not_trace_begins_a_trace_of_its_own(spans, monkeypatch):
    await tracing_flight(monkeypatch).commit([delivery(frames.Extras("reply", "1"))])

    assert None is spans()["window"].parent


async def test_reply_and_trace_travel_together(spans):
    wire = Wire()
    await tracing_publisher(wire).publish(BATCH, reply_to="queue", correlation_id="7")

    assert ("queue", "7") == wire.extras[:2]
    assert delivery(wire.extras).header("traceparent").split("-")[2] == f"{spans()['publish'].context.span_id:016x}"


def test_without_tracing_nothing_is_another_class():
    assert (Publisher, TracedPublisher) == (type(publisher(OFF, "test")), type(publisher(ON, "test")))
    tools = Tools(OFF, uuid.UUID(int=9), None, Health(), None, None, Clock())
    assert (Flight, True) == (type(flight(2, None, tools, None)), issubclass(TracedFlight, Flight))


def test_who_wants_spans_without_the_packages_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)

    with pytest.raises(Permanent, match="feedline\\[tracing\\]"), exported(ON, "edge"):
        pass
