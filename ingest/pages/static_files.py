"""Stylesheet, scripts and icon: read at start, kept compressed, addressed by content so that browsers keep them."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path

from aiohttp import web

FOLDER = Path(__file__).parent / "static"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}


@cache
def _served() -> dict[str, Path]:
    return {path.relative_to(FOLDER).as_posix(): path for path in FOLDER.rglob("*") if path.suffix in _TYPES}


@cache
def versioned(name: str) -> str:
    """Return the address of a file; another content has another one."""
    digest = hashlib.sha256(_served()[name].read_bytes()).hexdigest()[:12]
    return f"/static/{digest}/{name}"


def add_routes(app: web.Application) -> None:
    """Serve each file at the address of its content."""
    for name, path in _served().items():
        app.router.add_get(versioned(name), _file(path))


@cache
def _file(path: Path) -> Callable[[web.Request], Awaitable[web.Response]]:
    body, content_type = path.read_bytes(), _TYPES[path.suffix]
    packed = gzip.compress(body, 9, mtime=0)

    async def answer(request: web.Request) -> web.Response:
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            headers = {**_FOR_EVER, "Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
            return web.Response(body=packed, content_type=content_type, charset="utf-8", headers=headers)
        return web.Response(body=body, content_type=content_type, charset="utf-8", headers=_FOR_EVER)

    return answer
