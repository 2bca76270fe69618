"""The API explains itself: `/api/openapi.json`, `/api/docs`, a page that reads it and nothing from outside, and
`/api/problems/<code>`, where the `type` of a problem leads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from pathlib import Path

import orjson
from aiohttp import web

from ingest.api.framework.openapi import document
from ingest.api.framework.operation import JSON, Operation
from ingest.api.webhook import with_webhook
from ingest.http.problem_codes import Meaning
from ingest.http.problem_pages import PATH as PROBLEMS
from ingest.http.problem_pages import ProblemPages
from ingest.pull.fetch.errors import REMEDIES
from schemas.settings import Settings

FETCHING = {
    str(code): Meaning(f"The file cannot be fetched: {str(code).replace('_', ' ')}.", remedy)
    for code, remedy in REMEDIES.items()
}
_STATIC = Path(__file__).parent / "static"
_PAGE = {"docs.html": "text/html", "docs.css": "text/css", "docs.js": "text/javascript"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def add_routes(app: web.Application, settings: Settings, operations: Sequence[Operation]) -> None:
    """Add the document and the page; both are public. The document is made when it is first asked for: that takes as
    long as all of a process' start otherwise does."""

    @cache
    def described() -> bytes:
        return orjson.dumps(with_webhook(document(operations, settings.public_api_url), settings.edge_url))

    async def openapi(_: web.Request) -> web.Response:
        return web.Response(body=await asyncio.to_thread(described), content_type=JSON)

    app.router.add_get("/api/openapi.json", openapi)
    pages = ProblemPages([operation.name for operation in operations], FETCHING)

    async def problem(request: web.Request) -> web.Response:
        answer = pages.answer(request.path)
        if answer is None:
            raise web.HTTPNotFound
        return answer

    app.router.add_get(PROBLEMS, problem)
    app.router.add_get(f"{PROBLEMS}/{{code}}", problem)
    for name, content_type in _PAGE.items():
        path = "/api/docs" if name == "docs.html" else f"/api/{name}"
        app.router.add_get(path, _file((_STATIC / name).read_text(), content_type))


def _file(text: str, content_type: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=text, content_type=content_type, headers=_HEADERS)

    return answer
