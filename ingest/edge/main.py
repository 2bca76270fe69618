"""The edge process: opens its sockets, hands them down, stops in order (intake, what is in flight, broker)."""

from __future__ import annotations

import asyncio
import gc

from ingest.amqp.publishing import publisher as publisher_of
from ingest.edge.connection import Begin
from ingest.edge.post import Posts
from ingest.edge.refresh import Feeds
from ingest.edge.server import Handler, dispatcher, runner
from ingest.http.serving import announce, listening, monitored, run_until, stop_signals
from schemas.settings import Settings, process_name


async def main(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; raises `Permanent` when the live queues are unsafe."""
    # Decoded posts hold no cycles: reference counts free them, and looking through them took 9 % of the time.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    await serve(settings, stop_signals())


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set."""
    feeds = Feeds(settings)
    async with publisher_of(settings, process_name("edge")) as publisher:
        posts = Posts(settings, publisher, feeds)

        def ready() -> str | None:
            return "stopping" if stop.is_set() else feeds.ready() or publisher.ready()

        def alive() -> str | None:
            return None

        handle: Handler = posts.handle
        begin: Begin | None = posts.begin
        if settings.tracing:
            from ingest.edge.traced import traced  # noqa: PLC0415 - nobody else loads OpenTelemetry

            handle, begin = traced(handle, trust_forwarded=settings.trust_forwarded), None
        handler = dispatcher(handle, alive=alive, ready=ready, stopping=stop.is_set)
        web_runner = runner(handler, settings.stop_timeout_ms / 1000, begin, stop.is_set)
        async with (
            monitored(settings, alive=alive, ready=ready) as monitor_url,
            listening(web_runner, settings.host, settings.port, reuse_port=settings.reuse_port) as url,
        ):
            announce(url=url, monitor=monitor_url)
            await run_until(stop, feeds.run(), publisher.watch(), delay_s=settings.stop_delay_ms / 1000)
