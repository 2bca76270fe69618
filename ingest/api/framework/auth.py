"""Who asks: `Authorization: Bearer <token>` is looked up by the token's SHA-256, which leaks nothing by its timing.

Answers are kept for a few seconds, so a revoked token stops working at once in the process that revoked it and within
`CACHE_S` seconds in all others.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import asyncpg
from aiohttp import web

from ingest.api.framework.caller import Caller, Scope
from ingest.api.framework.operation import Operation
from ingest.http.problems import ProblemError
from schemas import queries
from schemas.secrets import token_digest

TOKENS = queries.load("tokens")
CACHE_S = 5.0
MAX_CACHED = 10_000
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="feedline"'}


class Tokens:
    """The tokens' short memory in front of the table."""

    def __init__(self, pool: asyncpg.Pool, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds."""
        self._pool = pool
        self._clock = clock
        self._known: dict[bytes, tuple[float, Caller]] = {}

    async def caller(self, token: str) -> Caller | None:
        """Return the owner of a token; None for one that is unknown or revoked."""
        digest = token_digest(token)
        now = self._clock()
        known = self._known.get(digest)
        if known is not None and known[0] > now:
            return known[1]
        row = await TOKENS.token_owner(self._pool, token_hash=digest)
        if row is None:
            self._known.pop(digest, None)
            return None
        if row["note_use"]:
            with suppress(asyncpg.ReadOnlySQLTransactionError):
                await TOKENS.token_used(self._pool, id=row["id"])
        caller = Caller(row["id"], row["account_id"], Scope(row["scope"]), row["requests_per_second"])
        if len(self._known) >= MAX_CACHED:
            self._known.clear()
        self._known[digest] = (now + CACHE_S, caller)
        return caller

    def forget(self) -> None:
        """Look every token up anew: one was revoked, or an account changed."""
        self._known.clear()


TOKENS_KEY = web.AppKey("tokens", Tokens)


async def authenticate(request: web.Request, operation: Operation) -> Caller:
    """Return who asks; raises 401 without a valid token and 403 when its scope is too small for the operation."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise ProblemError(
            401, "api.authorization.missing", "send the header Authorization: Bearer <token>", {}, _CHALLENGE
        )
    caller = await request.app[TOKENS_KEY].caller(token.strip())
    if caller is None:
        headers = {"WWW-Authenticate": _CHALLENGE["WWW-Authenticate"] + ', error="invalid_token"'}
        raise ProblemError(401, "api.authorization.invalid", "the token is unknown or was revoked", {}, headers)
    if not caller.scope.includes(operation.scope):
        detail = f"this needs a token of scope {operation.scope}; this token's scope is {caller.scope}"
        raise ProblemError(403, "api.authorization.scope", detail, {}, {})
    return caller
