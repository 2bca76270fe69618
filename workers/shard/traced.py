"""A window with spans: of each batch in the trace that its publisher began, from its delivery to its commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from schemas.topology import shard_queue
from schemas.tracing import TRACEPARENT
from workers.amqp.delivery import Delivery
from workers.apply import WindowResult
from workers.shard.flight import Flight

_TRACER = trace.get_tracer("feedline")
_W3C = TraceContextTextMapPropagator()


class TracedFlight(Flight):
    """Does as its parent does; one who does not trace has that one and pays nothing."""

    async def commit(self, window: Sequence[Delivery]) -> WindowResult:
        """Commit a window as a span `window` a batch, and in it one `commit`."""
        began = self._time_ns()
        spans = [self._begin(delivery, len(window)) for delivery in window]
        try:
            result = await super().commit(window)
        except BaseException as error:
            for span in spans:
                span.set_status(trace.StatusCode.ERROR, type(error).__name__)
            raise
        else:
            ended = self._time_ns()
            for span in spans:
                _TRACER.start_span("commit", trace.set_span_in_context(span, Context()), start_time=began).end(ended)
            return result
        finally:
            for span in spans:
                span.end()

    def _time_ns(self) -> int:
        return int(self._tools.clock.now().timestamp() * 1_000_000) * 1_000

    def _begin(self, delivery: Delivery, batches: int) -> trace.Span:
        batch = delivery.batch
        headers: dict[str, Any] = {TRACEPARENT: delivery.header(TRACEPARENT) or ""}
        return _TRACER.start_span(
            "window",
            _W3C.extract(headers, Context()),
            kind=trace.SpanKind.CONSUMER,
            attributes={
                "messaging.system": "rabbitmq",
                "messaging.operation.name": "process",
                "messaging.destination.name": shard_queue(self.shard),
                "messaging.message.id": str(batch.batch_id),
                "messaging.batch.message_count": batches,
                "feedline.feed.id": batch.feed_id,
                "feedline.worker": str(self.worker_id),
                "feedline.redelivered": delivery.redelivered,
            },
            start_time=None if batch.delivered_ms is None else batch.delivered_ms * 1_000_000,
        )
