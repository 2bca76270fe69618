"""Which publisher a role has: one that makes spans, where they are asked for."""

from __future__ import annotations

from ingest.amqp.publish import Publisher
from schemas.settings import Settings


def publisher(settings: Settings, name: str) -> Publisher:
    """Return a role's publisher: one that makes spans with TRACING."""
    if not settings.tracing:
        return Publisher(settings, name)
    from ingest.amqp.traced import TracedPublisher  # noqa: PLC0415 - nobody else loads OpenTelemetry

    return TracedPublisher(settings, name)
