"""API tokens: shown once when made, stored as a digest, revoked for good."""

from __future__ import annotations

from ingest.accounts.store import TOKENS
from ingest.api.framework.auth import TOKENS_KEY
from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.collection import Collection
from ingest.api.framework.models import Page, Query
from ingest.api.framework.operation import Operation
from ingest.api.shared.tokens import NewToken, Token, TokenCreate, make


async def list_tokens(call: Call[Page, None]) -> Answer:
    """Return a page."""
    rows = await call.db.all(TOKENS.token_list, after=call.query.after, limit=call.query.rows)
    return call.page(rows, [Token.of(row) for row in rows])


async def create_token(call: Call[Query, TokenCreate]) -> Answer:
    """Make one and show it."""
    return await make(call, call.db)


async def revoke_token(call: Call[Query, None]) -> Answer:
    """Revoke one; the caller's own too."""
    operator = call.caller.scope.includes(Scope.OPERATOR)
    row = call.found(await call.db.one(TOKENS.token_revoke, id=call.id, operator=operator), "token")
    call.request.app[TOKENS_KEY].forget()
    return Answer(Token.of(row))


_COLLECTION = Collection("tokens", "/api/tokens", Token, "API token", Scope.ADMIN, versioned=False)

OPERATIONS = (
    _COLLECTION.list(list_tokens, query=Page),
    _COLLECTION.create(
        create_token,
        description="The answer holds the token; it is stored as a digest and cannot be shown again. Bound to a "
        "provider or a feed it may read, and with scope `write` send items, there alone.",
        body=TokenCreate,
        example={"name": "shop", "scope": "write", "expiresAt": "2030-01-31T12:00:00Z"},
        response=NewToken,
    ),
    Operation(
        name="tokens.revoke",
        method="DELETE",
        path="/api/tokens/{id}.json",
        summary="Revoke an API token",
        description="It stops working at once in the process that answers, and within 5 seconds in all others.",
        scope=Scope.ADMIN,
        response=Token,
        handler=revoke_token,
    ),
)
