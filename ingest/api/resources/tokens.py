"""API tokens: shown once when made, stored as a digest, revoked for good."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from ingest.api.framework.auth import TOKENS, TOKENS_KEY
from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.models import Body, Page, Query, Resource
from ingest.api.framework.operation import Operation
from schemas.attributes import Name
from schemas.secrets import new_token, token_digest


class TokenCreate(Body):
    """A new API token of the account."""

    name: Name = Field(description="what it is for")
    scope: Scope = Field(Scope.READ, description="read; write includes read; admin includes write")


class Token(Resource):
    """An API token, without the token itself."""

    id: int
    name: str
    scope: Scope
    created_at: datetime
    last_used_at: datetime | None = Field(description="to about a minute")
    revoked_at: datetime | None


class NewToken(Token):
    """A new API token: the one time that it is shown."""

    token: str = Field(description="send it as `Authorization: Bearer …`; it cannot be shown again")


async def list_tokens(call: Call[Page, None]) -> Answer:
    """Return a page."""
    rows = await call.db.all(TOKENS.token_list, after=call.query.after, limit=call.query.limit + 1)
    return call.page(rows, [Token.of(row) for row in rows])


async def create_token(call: Call[Query, TokenCreate]) -> Answer:
    """Make one and show it."""
    token = new_token()
    row = await call.db.one(
        TOKENS.token_create, name=call.body.name, scope=call.body.scope, token_hash=token_digest(token)
    )
    return Answer(NewToken.of({**row, "token": token}), headers={"Cache-Control": "no-store"})


async def revoke_token(call: Call[Query, None]) -> Answer:
    """Revoke one; the caller's own too."""
    row = await call.db.one(TOKENS.token_revoke, id=call.id)
    if row is None:
        raise call.not_found("token")
    call.request.app[TOKENS_KEY].forget()
    return Answer(Token.of(row))


OPERATIONS = (
    Operation(
        name="tokens.list",
        method="GET",
        path="/api/tokens.json",
        summary="List API tokens",
        scope=Scope.ADMIN,
        query=Page,
        response=list[Token],
        handler=list_tokens,
    ),
    Operation(
        name="tokens.create",
        method="POST",
        path="/api/tokens.json",
        summary="Create an API token",
        description="The answer holds the token; it is stored as a digest and cannot be shown again.",
        scope=Scope.ADMIN,
        body=TokenCreate,
        example={"name": "shop", "scope": "write"},
        response=NewToken,
        status=201,
        handler=create_token,
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
