"""Publishing with a span, which ends with the broker's confirm and travels in the message's header."""

from __future__ import annotations

import uuid

from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ingest.amqp.frames import Extras
from ingest.amqp.publish import Publisher
from ingest.amqp.wire import Settled
from schemas.topology import SHARDS_EXCHANGE
from schemas.tracing import TRACEPARENT

_TRACER = trace.get_tracer("feedline")
_W3C = TraceContextTextMapPropagator()


class TracedPublisher(Publisher):
    """Does as its parent does; one who does not trace has that one and pays nothing."""

    async def publish_message(
        self,
        feed_id: int,
        message_id: str,
        body: bytes,
        extras: Extras | None = None,
        settled: Settled | None = None,
    ) -> None:
        """Publish as a span."""
        attributes: dict[str, str | int] = {
            "messaging.system": "rabbitmq",
            "messaging.operation.name": "publish",
            "messaging.destination.name": SHARDS_EXCHANGE,
            "messaging.message.id": str(uuid.UUID(hex=message_id)),
            "messaging.message.body.size": len(body),
            "feedline.feed.id": feed_id,
        }
        with _TRACER.start_as_current_span("publish", kind=trace.SpanKind.PRODUCER, attributes=attributes):
            carrier: dict[str, str] = {}
            _W3C.inject(carrier)
            traced = (extras or Extras())._replace(traceparent=carrier.get(TRACEPARENT))
            await super().publish_message(feed_id, message_id, body, traced, settled)
