"""The API explains itself: `/api/openapi.json`, and `/api/docs`, a page that reads it and nothing from outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import orjson
from aiohttp import web

from ingest.api.framework.openapi import document
from ingest.api.framework.operation import JSON, Operation
from schemas.settings import Settings

_STATIC = Path(__file__).parent / "static"
_PAGE = {"docs.html": "text/html", "docs.css": "text/css", "docs.js": "text/javascript"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def add_routes(app: web.Application, settings: Settings, operations: Sequence[Operation]) -> None:
    """Add the document and the page; both are public."""
    described = orjson.dumps(document(operations, settings.public_api_url))

    async def openapi(_: web.Request) -> web.Response:
        return web.Response(body=described, content_type=JSON)

    app.router.add_get("/api/openapi.json", openapi)
    for name, content_type in _PAGE.items():
        path = "/api/docs" if name == "docs.html" else f"/api/{name}"
        app.router.add_get(path, _file((_STATIC / name).read_text(), content_type))


def _file(text: str, content_type: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=text, content_type=content_type, headers=_HEADERS)

    return answer
