"""Accounts: their types, and changing one. The account itself and operators both use it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import Field

from ingest.accounts.store import ACCOUNTS
from ingest.api.framework.call import Call, Scoped
from ingest.api.framework.models import Changes, Stored
from schemas.attributes import INT32_MAX, Name, TimeZone

OPERATORS_ALONE: Final = {
    "plan": "plan",
    "daily_sku_limit": "dailySkuLimit",
    "requests_per_second": "requestsPerSecond",
}
"""Attributes that an account may not set of itself, with their names in JSON."""
_SETTABLE = ("name", "time_zone", *OPERATORS_ALONE)
_LIMIT = "distinct feed variants created or changed in a day; null: unlimited"
_RATE = "API requests that leak out of the account's bucket in a second; null: no limit"

DailySkuLimit = Annotated[int, Field(ge=0, le=INT32_MAX, strict=True)]
Rate = Annotated[float, Field(ge=0.01, le=1_000_000)]


class AccountUpdate(Changes):
    """Changes of the account; what is omitted stays."""

    name: Name = ""
    plan: Name = Field("", description="set by operators alone")
    daily_sku_limit: DailySkuLimit | None = Field(None, description=f"{_LIMIT}; set by operators alone")
    time_zone: TimeZone = "UTC"
    requests_per_second: Rate | None = Field(None, description=f"{_RATE}; set by operators alone")


class Account(Stored):
    """The account: a subscription."""

    name: str
    plan: str
    daily_sku_limit: int | None = Field(description=_LIMIT)
    time_zone: str = Field(description="its days begin at midnight of this time zone (IANA)")
    requests_per_second: float | None = Field(description=_RATE)
    suspended_at: datetime | None = Field(description="read-only: since when it can only read, and takes no items")
    suspended_reason: str | None = Field(description="read-only")


async def change(call: Call[Any, Any], db: Scoped, row: Any, sent: dict[str, Any]) -> Any:
    """Write what was sent over the row, which is locked, and return it; a higher limit releases deferred items."""
    call.check_match(row["updated_at"])
    if not sent:
        return row
    return await db.one(ACCOUNTS.account_update, **{name: sent.get(name, row[name]) for name in _SETTABLE})
