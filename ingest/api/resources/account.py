"""The caller's account: its name and time zone; its plan and daily SKU limit are set by operators."""

from __future__ import annotations

from typing import Any

from ingest.accounts.store import ACCOUNTS
from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.models import Query
from ingest.api.framework.operation import Operation
from ingest.api.shared.accounts import OPERATORS_ALONE, Account, AccountUpdate, change


async def get_account(call: Call[Query, None]) -> Answer:
    """Return the account."""
    return Answer(Account.of(await call.db.one(ACCOUNTS.account_get)))


async def update_account(call: Call[Query, AccountUpdate]) -> Answer:
    """Change the account; what operators alone may set may be sent back as it was read."""
    async with call.db.transaction() as db:
        row = await db.one(ACCOUNTS.account_lock)
        sent = call.body.sent()
        if not call.caller.scope.includes(Scope.OPERATOR):
            _check_own(call, row, sent)
        row = await change(call, db, row, sent)
    return Answer(Account.of(row))


def _check_own(call: Call[Any, Any], row: Any, sent: dict[str, Any]) -> None:
    wanted = [alias for name, alias in OPERATORS_ALONE.items() if name in sent and sent[name] != row[name]]
    if wanted:
        message = "set by operators alone: it needs a token of scope operator"
        details = {alias: {"code": "operator", "message": message} for alias in wanted}
        raise call.problem(403, "operator", f"{', '.join(wanted)}: {message}", details)


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
        description="`plan`, `dailySkuLimit` and `requestsPerSecond` are set by operators alone; they may be sent back "
        "as they were read.",
        scope=Scope.ADMIN,
        body=AccountUpdate,
        example={"name": "Shop", "timeZone": "Europe/Berlin"},
        response=Account,
        etag=True,
        problems={403: "the token's scope is too small, or the attribute is set by operators alone"},
        handler=update_account,
    ),
)
