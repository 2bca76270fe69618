"""The caller's account: its plan, its daily SKU limit, its time zone."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.models import Changes, Query, Stored
from ingest.api.framework.operation import Operation
from schemas import queries
from schemas.attributes import INT32_MAX, Name, TimeZone

ACCOUNTS = queries.load("accounts")

_SETTABLE = ("name", "plan", "daily_sku_limit", "time_zone")
DailySkuLimit = Annotated[int, Field(ge=0, le=INT32_MAX, strict=True)]


class AccountUpdate(Changes):
    """Changes of the account; what is omitted stays."""

    name: Name = ""
    plan: Name = ""
    daily_sku_limit: DailySkuLimit | None = Field(
        None, description="distinct feed variants created or changed in a day; null: unlimited"
    )
    time_zone: TimeZone = "UTC"


class Account(Stored):
    """The account: a subscription."""

    name: str
    plan: str
    daily_sku_limit: int | None = Field(
        description="distinct feed variants created or changed in a day; null: unlimited"
    )
    time_zone: str = Field(description="its days begin at midnight of this time zone (IANA)")


async def get_account(call: Call[Query, None]) -> Answer:
    """Return the account."""
    return Answer(Account.of(await call.db.one(ACCOUNTS.account_get)))


async def update_account(call: Call[Query, AccountUpdate]) -> Answer:
    """Change the account; a higher limit lets the workers release deferred items."""
    async with call.db.transaction() as db:
        row = await db.one(ACCOUNTS.account_lock)
        call.check_match(row["updated_at"])
        sent = call.body.sent()
        if sent:
            row = await db.one(ACCOUNTS.account_update, **{name: sent.get(name, row[name]) for name in _SETTABLE})
    return Answer(Account.of(row))


OPERATIONS = (
    Operation(
        name="account.get",
        method="GET",
        path="/api/account.json",
        summary="Get the account",
        scope=Scope.READ,
        response=Account,
        etag=True,
        handler=get_account,
    ),
    Operation(
        name="account.update",
        method="PUT",
        path="/api/account.json",
        summary="Change the account",
        description="Raising `dailySkuLimit` releases deferred items, oldest first.",
        scope=Scope.ADMIN,
        body=AccountUpdate,
        example={"dailySkuLimit": 20000, "timeZone": "Europe/Berlin"},
        response=Account,
        etag=True,
        handler=update_account,
    ),
)
