"""The statements about accounts and their tokens, and what takes several of them. Each function needs a transaction."""

from __future__ import annotations

from typing import Any

import asyncpg

from schemas import queries

ACCOUNTS = queries.load("accounts", beside=__file__)
TOKENS = queries.load("tokens", beside=__file__)


async def delete(connection: asyncpg.Connection[Any], account_id: int) -> Any:
    """Delete an account with its feeds' secrets and its tokens; return its row, None if there is no such account."""
    row = await ACCOUNTS.account_delete(connection, account_id=account_id)
    await ACCOUNTS.account_delete_feeds(connection, account_id=account_id)
    await ACCOUNTS.account_revoke_tokens(connection, account_id=account_id)
    return row


async def suspend(
    connection: asyncpg.Connection[Any], account_id: int, *, suspended: bool, reason: str | None = None
) -> Any:
    """Suspend an account or let it work again, its feeds too; return its row, None if there is no such account."""
    row = await ACCOUNTS.account_suspend(connection, account_id=account_id, suspended=suspended, reason=reason)
    if suspended:
        await ACCOUNTS.account_pause_fetching(connection, account_id=account_id)
    await ACCOUNTS.account_touch_feeds(connection, account_id=account_id)
    return row
