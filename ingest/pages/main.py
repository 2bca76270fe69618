"""The composition root of the role "api": the resources and, on the same origin, the dashboard."""

from __future__ import annotations

from ingest.api.main import serve
from ingest.http.serving import collect_seldom, stop_signals
from ingest.pages.app import application
from schemas.settings import Settings


async def main(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; raises `Permanent` when the live queues are unsafe."""
    app = application(settings)
    collect_seldom()
    await serve(app, settings, stop_signals())
