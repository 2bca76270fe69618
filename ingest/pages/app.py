"""The dashboard beside the API: its routes on the same application, its sessions on the same pool."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web

from ingest.api.app import application as api_application
from ingest.api.framework.auth import TOKENS_KEY
from ingest.api.framework.call import SERVICES
from ingest.http.problems import ProblemError
from ingest.pages import layout, live, signing_in, static_files
from ingest.pages.page import Action, Page
from ingest.pages.render import RENDERER, Renderer
from ingest.pages.routes import ENTRIES, NAVIGATION
from ingest.pages.serve import handler_of
from ingest.pages.sessions.fresh import FRESH_TRIES
from ingest.pages.sessions.store import SESSIONS_KEY, Sessions
from ingest.pages.sessions.tries import Tries
from ingest.pages.snapshots import SNAPSHOTS, Snapshots
from ingest.pages.vendor import serve as vendor
from schemas.settings import Settings


def application(settings: Settings) -> web.Application:
    """Return the API's application with the dashboard's pages."""
    app = api_application(settings)
    app[RENDERER], app[SNAPSHOTS], app[layout.NAVIGATION] = Renderer(), Snapshots(), NAVIGATION
    app[FRESH_TRIES] = Tries()
    app.cleanup_ctx.append(_sessions)
    app.cleanup_ctx.append(live.context)
    app.on_shutdown.append(live.close)
    static_files.add_routes(app)
    signing_in.add_routes(app)
    vendor.add_routes(app)
    for entry in ENTRIES:
        handler = handler_of(entry)
        if isinstance(entry, Action):
            app.router.add_post(entry.path, handler)
        else:
            app.router.add_get(entry.path, handler)
        if isinstance(entry, Page) and entry.live:
            app.router.add_get(f"/live{entry.path}", live.handler_of(entry))
    app.router.add_get("/{path:(?!api/|static/|healthz|readyz|metrics).*}", _not_found)
    return app


async def _sessions(app: web.Application) -> AsyncIterator[None]:
    app[SESSIONS_KEY] = Sessions(app[SERVICES].pool, app[TOKENS_KEY])
    yield


async def _not_found(request: web.Request) -> web.StreamResponse:
    return layout.error(request, ProblemError(404, "pages.not_found", f"there is no page at {request.path}"))
