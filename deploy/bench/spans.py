"""What a batch costs the edge to publish, in CPU: as it is, and with spans. `python -m deploy.bench.spans`.

No broker: a message is written to nothing and confirmed at once. The cases take turns; the median is told.
"""

from __future__ import annotations

import asyncio
import time
from statistics import median
from typing import Any

import click
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Sampler, SamplingResult

from ingest.amqp.publish import Publisher
from ingest.amqp.traced import TracedPublisher
from ingest.amqp.wire import Wire
from schemas.amqp.sieve import METHOD
from schemas.settings import Settings

_BODY = b"x" * 4_000
_BATCHES, _ROUNDS = 1_000, 7
_ACK = b"\x00\x3c\x00\x50"


class _Nothing:
    """A socket that takes everything."""

    paused = False

    def __init__(self) -> None:
        self.transport: Any = self

    def write(self, _data: bytes) -> None:
        """Drop it."""

    def set_write_buffer_limits(self, high: int) -> None:
        """Need none."""


class _Dropped(SpanExporter):
    """Sends spans nowhere."""

    def export(self, spans: Any) -> SpanExportResult:  # noqa: ARG002 - the interface
        """Drop them."""
        return SpanExportResult.SUCCESS


class _Switch(Sampler):
    """Samples all or nothing: a process has one tracer provider."""

    on = False

    def should_sample(self, *arguments: Any, **named: Any) -> SamplingResult:
        """Ask the one that is switched on."""
        return (ALWAYS_ON if self.on else ALWAYS_OFF).should_sample(*arguments, **named)

    def get_description(self) -> str:
        """Say what it is."""
        return "all or nothing"


async def cost_us(publisher: Publisher) -> float:
    """Return the CPU microseconds of this process for one batch."""
    wire = Wire(asyncio.get_running_loop(), _Nothing(), 1, 131_072, 60.0)
    publisher._wire = wire  # noqa: SLF001 - without a broker
    began = time.process_time()
    for number in range(1, _BATCHES + 1):
        sent = asyncio.ensure_future(publisher.publish_message(1, f"{number:032x}", _BODY))
        await asyncio.sleep(0)
        wire.take(METHOD, 1, _ACK + number.to_bytes(8) + b"\0")
        await sent
    used = time.process_time() - began
    wire.over("measured")
    return used * 1e6 / _BATCHES


async def measure() -> dict[str, float]:
    """Return case → µs of a batch."""
    settings = Settings(database_url="x", amqp_url="x", secret_key="k" * 32)
    switch = _Switch()
    provider = TracerProvider(sampler=switch)
    provider.add_span_processor(BatchSpanProcessor(_Dropped()))
    trace.set_tracer_provider(provider)
    plain, traced = Publisher(settings, "bench"), TracedPublisher(settings, "bench")
    taken: dict[str, list[float]] = {"off": [], "on, none sampled": [], "on, all sampled": []}
    for _ in range(_ROUNDS):
        taken["off"].append(await cost_us(plain))
        for name, switch.on in (("on, none sampled", False), ("on, all sampled", True)):
            taken[name].append(await cost_us(traced))
    provider.shutdown()
    return {name: median(values) for name, values in taken.items()}


if __name__ == "__main__":
    for case, microseconds in asyncio.run(measure()).items():
        click.echo(f"{case:<16} {microseconds:6.1f} µs of CPU a batch published")
