"""Who asks: `Authorization: Bearer <token>` is looked up by the token's SHA-256, which leaks nothing by its timing.

A vendor may send the hash of its feed instead, as at the webhook: it then reads its own receipts, rejects and usage.
Answers are kept for a few seconds, so a revoked token stops working at once in the process that revoked it and within
`CACHE_S` seconds in all others. So are refusals; and strangers together ask Postgres `LOOK_UPS_PER_S` times a second at
most, however many tokens they make up.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import asyncpg
from aiohttp import web

from ingest.accounts.store import TOKENS
from ingest.api.framework.caller import Caller, Scope
from ingest.api.framework.recent import Recent
from ingest.http.pace import Pace
from ingest.http.problems import ProblemError
from schemas.secrets import token_digest

if TYPE_CHECKING:  # what operations need, parsers of files among it, is much to load for who makes a link
    from ingest.api.framework.operation import Operation

CACHE_S = 5.0
MAX_CACHED = 10_000
LOOK_UPS_PER_S = 100.0
HASH_HEADERS = ("jetti-webhook-hash", "onport-webhook-hash")
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="feedline"'}

_LookUp = Callable[[], Awaitable[Caller | None]]


class Tokens:
    """The short memory in front of the tables."""

    def __init__(self, pool: asyncpg.Pool, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds."""
        self._pool = pool
        self._clock = clock
        self._known: Recent[bytes, tuple[float, Caller]] = Recent(MAX_CACHED)
        self._refused: Recent[bytes, float] = Recent(MAX_CACHED)
        self._pace = Pace(LOOK_UPS_PER_S, clock())

    async def caller(self, token: str) -> Caller | None:
        """Return the owner of a token; None for one that is unknown, revoked or expired; raises 429."""
        digest = token_digest(token)
        return await self._remembered(digest, lambda: self._owner(digest))

    async def vendor(self, webhook_hash: str) -> Caller | None:
        """Return the vendor whose feed has this hash; None for an unknown one; raises 429."""
        return await self._remembered(b"#" + token_digest(webhook_hash), lambda: self._vendor(webhook_hash))

    def forget(self) -> None:
        """Look everybody up anew: a token was revoked, or an account changed."""
        self._known.clear()
        self._refused.clear()

    async def _remembered(self, digest: bytes, look_up: _LookUp) -> Caller | None:
        now = self._clock()
        known = self._known.get(digest)
        if known is not None and known[0] > now:
            return known[1]
        if self._refused.get(digest, 0.0) > now:
            return None
        if known is None and not self._pace.take(now):  # who was known a moment ago is asked after at any rate
            detail = "too many unknown tokens at the moment; try again"
            raise ProblemError(429, "api.authorization.busy", detail, {}, {"Retry-After": "1"})
        caller = await look_up()
        if caller is None:
            self._known.pop(digest, None)
            self._refused[digest] = now + CACHE_S
        else:
            self._known[digest] = (now + CACHE_S, caller)
        return caller

    async def _owner(self, digest: bytes) -> Caller | None:
        row = await TOKENS.token_owner(self._pool, token_hash=digest)
        if row is None:
            return None
        if row["note_use"]:
            with suppress(asyncpg.ReadOnlySQLTransactionError):
                await TOKENS.token_used(self._pool, id=row["id"])
        feeds = None if row["feeds"] is None else frozenset(row["feeds"])
        scope, rate = Scope(row["scope"]), row["requests_per_second"]
        who = f"{row['name']} (token {row['id']})"
        return Caller(row["id"], row["account_id"], scope, rate, feeds, row["suspended"], who)

    async def _vendor(self, webhook_hash: str) -> Caller | None:
        row = await TOKENS.hash_owner(self._pool, hash=webhook_hash)
        if row is None:
            return None
        feeds = frozenset((row["feed_id"],))
        return Caller(None, row["account_id"], Scope.READ, row["requests_per_second"], feeds, row["suspended"])


TOKENS_KEY = web.AppKey("tokens", Tokens)


async def authenticate(request: web.Request, operation: Operation) -> Caller:
    """Return who asks; raises 401 without a valid token, 403 when it is not for this operation, 429."""
    caller = await _caller(request, operation)
    if not caller.scope.includes(operation.scope):
        detail = f"this needs a token of scope {operation.scope}; this token's scope is {caller.scope}"
        raise ProblemError(403, "api.authorization.scope", detail, {}, {})
    if caller.feeds is not None and not operation.bound:
        detail = "this token is bound to a provider or feed, and this operation is about the whole account"
        raise ProblemError(403, "api.authorization.bound", detail, {}, {})
    if caller.suspended and request.method != "GET" and caller.scope != Scope.OPERATOR:
        raise ProblemError(403, "api.account.suspended", "the account is suspended: it can only read", {}, {})
    return caller


async def _caller(request: web.Request, operation: Operation) -> Caller:
    tokens = request.app[TOKENS_KEY]
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    webhook_hash = next((value for name in HASH_HEADERS if (value := request.headers.get(name))), None)
    if kind.lower() == "bearer" and token.strip():
        caller = await tokens.caller(token.strip())
    elif operation.vendor and webhook_hash is not None and webhook_hash.isprintable():
        caller = await tokens.vendor(webhook_hash)
    else:
        or_hash = ", or the feed's hash as jetti-webhook-hash" if operation.vendor else ""
        detail = f"send the header Authorization: Bearer <token>{or_hash}"
        raise ProblemError(401, "api.authorization.missing", detail, {}, _CHALLENGE)
    if caller is None:
        headers = {"WWW-Authenticate": _CHALLENGE["WWW-Authenticate"] + ', error="invalid_token"'}
        raise ProblemError(401, "api.authorization.invalid", "the token is unknown, expired or revoked", {}, headers)
    return caller
