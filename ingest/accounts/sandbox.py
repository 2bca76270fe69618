"""Makes an account's sandbox, for the API and the command line.

A sandbox is an account of its own (`accounts.sandbox_of`): its feed has a hash of its own, its items, receipts and
usage are its own rows, so nothing that is tried touches a limit or a feed of the real one. It has limits of its own,
for it must not become a way around them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import asyncpg

from schemas import queries
from schemas.secrets import new_webhook_hash

SANDBOX = queries.load("sandbox", beside=__file__)
DAILY_SKUS = 1_000
REQUESTS_PER_SECOND = 10.0


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A sandbox account, and the feed to post to."""

    account_id: int
    feed_id: int
    hash: str


async def made(connection: asyncpg.Connection[Any], account_id: int) -> Sandbox | None:
    """Return the sandbox of an account, made if there is none; of a sandbox, itself. None: there is no such account.

    Must run in a transaction.
    """
    row = await SANDBOX.sandbox_get(connection, account_id=account_id)
    if row is None:
        limits = {"daily_sku_limit": DAILY_SKUS, "requests_per_second": REQUESTS_PER_SECOND}
        sandbox_id = await SANDBOX.sandbox_account(connection, account_id=account_id, **limits)
        sandbox_id = sandbox_id if sandbox_id is not None else account_id
        row = await SANDBOX.sandbox_get(connection, account_id=sandbox_id)
        if row is None:
            await SANDBOX.sandbox_feed(connection, account_id=sandbox_id, hash=new_webhook_hash())
            row = await SANDBOX.sandbox_get(connection, account_id=sandbox_id)
    return row and Sandbox(row["id"], row["feed_id"], row["hash"])
