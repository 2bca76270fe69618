"""A request's id: in its answer, whatever it is, and in every line that is logged while it is handled."""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from aiohttp import web

HEADER: Final = "X-Request-Id"
_SOUND = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}", re.ASCII)


@web.middleware
async def request_ids(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Give the request an id, the sender's or a proxy's if it sent a sound one. The outermost middleware."""
    sent = request.headers.get(HEADER, "")
    request_id = sent if _SOUND.fullmatch(sent) else uuid.uuid4().hex
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        response = await handler(request)
    if not response.prepared:
        response.headers[HEADER] = request_id
    return response
