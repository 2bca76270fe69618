"""API tokens: their types, and making one. The account's tokens and operators both use it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from ingest.accounts.store import TOKENS
from ingest.api.framework.call import Answer, Call, Scoped
from ingest.api.framework.caller import Scope
from ingest.api.framework.models import Body, Id, Resource, When
from schemas.attributes import Name
from schemas.secrets import new_token, token_digest


class TokenCreate(Body):
    """A new API token of the account."""

    name: Name = Field(description="what it is for")
    scope: Scope = Field(
        Scope.READ, description="read; write includes read; admin includes write; at most the caller's"
    )
    expires_at: When | None = Field(None, description="stops working then; null: when it is revoked")
    dropship_provider_id: Id | None = Field(None, description="for this provider's feeds alone")
    inventory_feed_id: Id | None = Field(None, description="for this feed alone")


class Token(Resource):
    """An API token, without the token itself."""

    id: int
    name: str
    scope: Scope
    expires_at: datetime | None
    dropship_provider_id: int | None = Field(description="for this provider's feeds alone")
    inventory_feed_id: int | None = Field(description="for this feed alone")
    created_at: datetime
    last_used_at: datetime | None = Field(description="to about a minute")
    revoked_at: datetime | None


class NewToken(Token):
    """A new API token: the one time that it is shown."""

    token: str = Field(description="send it as `Authorization: Bearer …`; it cannot be shown again")


async def make(call: Call[Any, TokenCreate], db: Scoped) -> Answer:
    """Make a token of an account and show it."""
    body = call.body
    _check(call, body)
    token = new_token()
    bound = {"dropship_provider_id": body.dropship_provider_id, "inventory_feed_id": body.inventory_feed_id}
    row = await db.one(
        TOKENS.token_create,
        name=body.name,
        scope=body.scope,
        token_hash=token_digest(token),
        expires_at=body.expires_at,
        **bound,
    )
    if row is None:
        field = "dropshipProviderId" if body.inventory_feed_id is None else "inventoryFeedId"
        raise call.invalid(field, "unknown", "the account has none with this id")
    return Answer(NewToken.of({**row, "token": token}), headers={"Cache-Control": "no-store"})


def _check(call: Call[Any, Any], body: TokenCreate) -> None:
    if not call.caller.scope.includes(body.scope):
        raise call.invalid("scope", "choice", f"a token of scope {call.caller.scope} makes none of scope {body.scope}")
    if body.expires_at is not None and body.expires_at <= datetime.now(UTC):
        raise call.invalid("expiresAt", "value", "expected a time to come")
    bound = [body.dropship_provider_id, body.inventory_feed_id]
    if None not in bound:
        raise call.invalid("inventoryFeedId", "not_applicable", "give a provider or a feed, not both")
    if bound != [None, None] and body.scope.includes(Scope.ADMIN):
        raise call.invalid("scope", "choice", "a bound token has scope read or write: admin is for the whole account")
