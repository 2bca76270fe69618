"""OpenTelemetry: spans of a batch's way across the queue, for those who set TRACING. Nobody else even loads it.

    post (edge) → publish, until the confirm ── header traceparent ──▶ window, from the delivery → commit

Spans go where OpenTelemetry's own variables say (OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER, …), by the packages
of the extra `tracing`. Attributes have the names of https://opentelemetry.io/docs/specs/semconv/messaging/.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from schemas.errors import Permanent
from schemas.settings import Settings

TRACEPARENT = "traceparent"
"""The header of a message that carries its publisher's span (https://www.w3.org/TR/trace-context/)."""


@contextmanager
def exported(settings: Settings, role: str) -> Iterator[None]:
    """Export this process's spans within; nothing without TRACING. Raises `Permanent` where packages are missing."""
    if not settings.tracing:
        yield
        return
    try:
        # Not at the top: it takes longer to load than all of the rest, and is installed only by those who want it.
        from opentelemetry import trace  # noqa: PLC0415
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as error:
        raise Permanent(f"TRACING needs the packages of the extra tracing (feedline[tracing]): {error}") from None
    provider = TracerProvider(resource=Resource.create({"service.name": f"feedline-{role}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    try:
        yield
    finally:
        provider.shutdown()
