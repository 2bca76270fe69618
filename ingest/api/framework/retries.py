"""POSTs that are sent again: with an Idempotency-Key the work is done once, and its answer is given again for a day.

The answer is written in the transaction that does the work, so that a crash leaves both or neither; it is encrypted,
for it may hold a new token. What was refused is not kept: it may be sent again. Who comes while the first one is at
work is told to wait. Source: draft-ietf-httpapi-idempotency-key-header.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from ingest.api.framework.call import Call
from ingest.http.idempotency import HEADER, checked
from ingest.http.problems import ProblemError
from schemas import queries

RETRIES = queries.load("retries", beside=__file__)
_KEPT = ("Content-Type", "Location", "ETag", "Cache-Control")
_SUCCESS = range(200, 300)

Work = Callable[[Call[Any, Any]], Awaitable[web.StreamResponse]]


async def once(call: Call[Any, Any], work: Work) -> web.StreamResponse:
    """Return the answer of `work`, or the one that the same request got before; raises 400, 409 or 422."""
    key = checked(call.request.headers[HEADER], "api")
    request = await _digest(call)
    async with call.db.transaction() as db:
        if not await db.one(RETRIES.try_key, key=key):
            detail = "a request with this Idempotency-Key is being answered"
            raise ProblemError(409, "api.idempotency_key.in_progress", detail, {}, {"Retry-After": "1"})
        known = await db.one(RETRIES.known_answer, key=key)
        if known is not None:
            return _again(call, known, request)
        call.executor = db.connection
        response = await work(call)
        if isinstance(response, web.Response) and response.status in _SUCCESS:
            kept = call.services.vault.encrypt(_kept(response))
            await db.one(RETRIES.keep_answer, key=key, request=request, status=response.status, answer=kept)
            await db.one(RETRIES.forget_answers)
    call.executor = None
    for work_left in call.later:
        await work_left()
    return response


async def _digest(call: Call[Any, Any]) -> bytes:
    body = await call.request.read()  # it was read before, and is kept
    return hashlib.sha256(call.request.path_qs.encode() + b"\0" + body).digest()


def _kept(response: web.Response) -> dict[str, Any]:
    headers = {name: response.headers[name] for name in _KEPT if name in response.headers}
    body = response.body if isinstance(response.body, bytes) else b""
    return {"headers": headers, "body": base64.b64encode(body).decode()}


def _again(call: Call[Any, Any], known: Any, request: bytes) -> web.Response:
    if known["request"] != request:
        detail = "this Idempotency-Key was sent with another request; use a key for one request only"
        raise ProblemError(422, "api.idempotency_key.reused", detail)
    kept = call.services.vault.decrypt(known["answer"])
    headers = {**kept["headers"], "Idempotent-Replayed": "true"}
    return web.Response(status=known["status"], body=base64.b64decode(kept["body"]), headers=headers)
