"""All accounts, for operators: list, create, change, suspend, delete, and an account's first token."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ingest.accounts import store
from ingest.accounts.store import ACCOUNTS
from ingest.api.framework.auth import TOKENS_KEY
from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.collection import Collection
from ingest.api.framework.models import Body, Page, Query
from ingest.api.framework.operation import Operation
from ingest.api.shared.accounts import Account, AccountUpdate, DailySkuLimit, change
from ingest.api.shared.tokens import NewToken, TokenCreate, make
from schemas.attributes import Name, TimeZone


class AccountCreate(Body):
    """A new account."""

    name: Name
    plan: Name = "standard"
    daily_sku_limit: DailySkuLimit | None = None
    time_zone: TimeZone = "UTC"


class Suspension(Body):
    """Why an account is suspended."""

    reason: Name | None = Field(None, description="shown to the account and to its vendors")


class AccountQuery(Page):
    """Filters of the list."""

    name: Name | None = Field(None, description="with this in the name, in any case")


async def list_accounts(call: Call[AccountQuery, None]) -> Answer:
    """Return a page."""
    query = call.query
    rows = await call.everything.all(ACCOUNTS.account_page, after=query.after, name=query.name, limit=query.rows)
    return call.page(rows, [Account.of(row) for row in rows])


async def create_account(call: Call[Query, AccountCreate]) -> Answer:
    """Make one; it has no token yet."""
    return Answer(Account.of(await call.everything.one(ACCOUNTS.account_create, **call.body.model_dump())))


async def get_account(call: Call[Query, None]) -> Answer:
    """Return one."""
    return _answer(call, await call.of_account(call.id).one(ACCOUNTS.account_get))


async def update_account(call: Call[Query, AccountUpdate]) -> Answer:
    """Change one."""
    async with call.of_account(call.id).transaction() as db:
        row = await db.one(ACCOUNTS.account_lock)
        if row is not None:
            row = await change(call, db, row, call.body.sent())
    return _answer(call, row)


async def suspend_account(call: Call[Query, Suspension | None]) -> Answer:
    """Let one read only."""
    return await _suspended(call, suspended=True, reason=call.body.reason if call.body else None)


async def resume_account(call: Call[Query, None]) -> Answer:
    """Let one work again."""
    return await _suspended(call, suspended=False, reason=None)


async def delete_account(call: Call[Query, None]) -> Answer:
    """Delete one; the caller's own stays."""
    if call.id == call.account_id:
        raise call.problem(409, "own", "an operator's own account cannot be deleted with its own token")
    async with call.of_account(call.id).transaction() as db:
        call.unchanged(await db.one(ACCOUNTS.account_lock), "account")
        await store.delete(db.connection, call.id)
    call.request.app[TOKENS_KEY].forget()
    return Answer()


async def create_token(call: Call[Query, TokenCreate]) -> Answer:
    """Make a token of an account and show it."""
    call.found(await call.of_account(call.id).one(ACCOUNTS.account_get), "account")
    return await make(call, call.of_account(call.id))


async def _suspended(call: Call[Any, Any], *, suspended: bool, reason: str | None) -> Answer:
    async with call.of_account(call.id).transaction() as db:
        row = await store.suspend(db.connection, call.id, suspended=suspended, reason=reason)
    call.request.app[TOKENS_KEY].forget()
    return _answer(call, row)


def _answer(call: Call[Any, Any], row: Any) -> Answer:
    return Answer(Account.of(call.found(row, "account")))


_COLLECTION = Collection("accounts", "/api/accounts", Account, "account", Scope.OPERATOR)

OPERATIONS = (
    _COLLECTION.list(list_accounts, summary="List all accounts", query=AccountQuery),
    _COLLECTION.create(
        create_account,
        body=AccountCreate,
        example={"name": "Shop", "dailySkuLimit": 20000, "timeZone": "Europe/Berlin"},
    ),
    _COLLECTION.get(get_account),
    _COLLECTION.update(
        update_account,
        description="Raising `dailySkuLimit` releases deferred items, oldest first.",
        body=AccountUpdate,
        example={"dailySkuLimit": 20000},
    ),
    _COLLECTION.delete(
        delete_account,
        description="Its tokens and hashes stop working at once; its rows are removed in the background.",
        problems={409: "the operator's own account"},
    ),
    _COLLECTION.act(
        "suspend",
        suspend_account,
        "Suspend an account",
        description="It can only read, its posts are refused, its feeds are not fetched. What was accepted is applied.",
        body=Suspension,
        body_optional=True,
        example={"reason": "unpaid"},
        etag=True,
    ),
    _COLLECTION.act("resume", resume_account, "End an account's suspension", etag=True),
    Operation(
        name="accounts.create_token",
        method="POST",
        path=f"{_COLLECTION.path}/{{id}}/tokens.json",
        summary="Create an API token of an account",
        body=TokenCreate,
        example={"name": "first", "scope": "admin"},
        response=NewToken,
        status=201,
        handler=create_token,
        scope=Scope.OPERATOR,
    ),
)
