"""A request's id: in its answer, whatever it is, and in every line that is logged while it is handled."""

from __future__ import annotations

import random
import re
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from schemas.logs import structlog

HEADER: Final = "X-Request-Id"
_SOUND = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}", re.ASCII)
_ID: Final = web.RequestKey("request_id", str)


@web.middleware
async def request_ids(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Give the request an id, the sender's or a proxy's if it sent a sound one. The outermost middleware."""
    give_id(request)
    with structlog.contextvars.bound_contextvars(request_id=request[_ID]):
        return await handler(request)


def give_id(request: web.BaseRequest) -> str:
    """Return the request's id, the same however often it is asked for: the sender's if it is sound, else a new one."""
    found = request.get(_ID)
    return give_first_id(request) if found is None else found


def give_first_id(request: web.BaseRequest) -> str:
    """Do as `give_id`, for a request that surely has none: to ask one that has none costs more than to make it."""
    sent = request.headers.get(HEADER)
    request[_ID] = found = sent if sent is not None and _SOUND.fullmatch(sent) else _made()
    return found


def share_id(request: web.BaseRequest, with_request: web.BaseRequest) -> None:
    """Give a request the id of another, which stands for the same."""
    request[_ID] = with_request[_ID]


def _made() -> str:
    return f"{random.getrandbits(128):032x}"


async def tell_request_id(request: web.Request, response: web.StreamResponse) -> None:
    """Put the id into the answer; streams and redirects pass by here as well."""
    if _ID in request:
        response.headers[HEADER] = request[_ID]


def id_of(request: web.BaseRequest) -> str:
    """Return the request's id, to be shown to who asks."""
    return request[_ID]
