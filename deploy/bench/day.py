"""The usual day: 90 % unchanged, 9 % changed, 1 % new, feeds of very different size, accounts whose limits bind."""

from __future__ import annotations

import secrets

import asyncpg

from deploy.bench.catalogue import Feed

LIMITS = {2: 500, 3: 100}
"""Account → daily SKU limit: both are used up within seconds, and what is over them is deferred under load."""
SIZES = (60_000, 20_000, 5_000, 1_000, 10_000, 2_000, 1_500, 500)
"""SKUs a feed: the first four are the large account's, the others those of the limited accounts."""


async def feeds(connection: asyncpg.Connection, large: list[Feed]) -> list[Feed]:
    """Return the feeds, as many as there are sizes; makes the limited accounts and two feeds of each."""
    made = large[:4]
    for account in LIMITS:
        await connection.execute("INSERT INTO accounts (id, name) VALUES ($1, 'limited')", account)
        provider = await connection.fetchval(
            "INSERT INTO dropship_providers (account_id, name) VALUES ($1, 'limited') RETURNING id", account
        )
        for number in range(2):
            row = await connection.fetchrow(
                "INSERT INTO inventory_feeds (account_id, dropship_provider_id, name, resource_type, hash) "
                "VALUES ($1, $2, $3, 'webhook', $4) RETURNING id, hash",
                account,
                provider,
                f"limited {number}",
                secrets.token_hex(16),
            )
            made.append(Feed(row["id"], row["hash"]))
    return made


async def begin(connection: asyncpg.Connection) -> None:
    """Let a new day begin for the limited accounts: nothing is used or charged yet."""
    await connection.execute("DELETE FROM usage WHERE account_id = ANY ($1)", list(LIMITS))
    await connection.execute("UPDATE feed_variants SET charged = 0 WHERE account_id = ANY ($1)", list(LIMITS))
    for account, limit in LIMITS.items():
        await connection.execute("UPDATE accounts SET daily_sku_limit = $2 WHERE id = $1", account, limit)


async def limits_held(connection: asyncpg.Connection) -> tuple[int, int]:
    """Return how many items wait for room, and how many were applied over a limit (none)."""
    row = await connection.fetchrow(
        "SELECT (SELECT count(*) FROM deferred_items) AS waiting, "
        "(SELECT coalesce(sum(greatest(u.used - a.daily_sku_limit, 0)), 0) FROM usage u JOIN accounts a "
        "ON a.id = u.account_id) AS over"
    )
    return row["waiting"], int(row["over"])
