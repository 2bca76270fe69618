"""Many feed variants at once, by SQL: for what reads them. (The road writes them; this is no measure of it.)"""

from __future__ import annotations

from pathlib import Path

import asyncpg

ACCOUNT = 1
FEEDS = 5

_ACCOUNT = """
WITH a AS (INSERT INTO accounts (id, name) VALUES ($1, 'bench')),
     p AS (INSERT INTO dropship_providers (id, account_id, name) VALUES (1, $1, 'bench'))
INSERT INTO inventory_feeds (id, account_id, dropship_provider_id, name, resource_type, hash)
SELECT n, $1, 1, 'feed ' || n, 'webhook', 'hash ' || n FROM generate_series(1, $2::bigint) AS n
"""
# Every tenth is connected to a variant.
_ROWS = """
INSERT INTO feed_variants (account_id, feed_id, id, variant_id, item_hash, details_hash, created_at, updated_at,
                           inventory_updated_at, inventory_quantity, external_id, vendor_sku, cost_price, retail_price)
SELECT $1, n / $3::bigint + 1, n, CASE WHEN n % 10 = 0 THEN n / 10 END, n, n, now(), now(), now(), n % 100,
       'sku-' || lpad((n % $3::bigint)::text, 8, '0'), 'vendor-' || n, 1.25, 2.5
FROM generate_series(0, $2::bigint - 1) AS n
"""
_DETAILS = """
INSERT INTO feed_variant_details (account_id, feed_variant_id, attributes)
SELECT $1, n, jsonb_build_object('name', 'Oak side table ' || n, 'productType', 'Furniture', 'grams', '1200')
FROM generate_series(0, $2::bigint - 1) AS n
"""


async def fill(connection: asyncpg.Connection, rows: int) -> None:
    """Store so many feed variants of one account, spread over `FEEDS` feeds (ids from 1), each with details."""
    await connection.execute(_ACCOUNT, ACCOUNT, FEEDS)
    await connection.execute(_ROWS, ACCOUNT, rows, rows // FEEDS)
    await connection.execute(_DETAILS, ACCOUNT, rows)
    await connection.execute("VACUUM ANALYZE")


async def fill_dashboard(connection: asyncpg.Connection, rows: int, feeds: int, batch: str) -> None:
    """Store an account with all that the dashboard shows; `batch` is the id of one of its receipts."""
    sql = (Path(__file__).parent / "dashboard.sql").read_text()
    values = {":rows": str(rows), ":feeds": str(feeds), ":'batch'": f"'{batch}'"}
    for name, value in values.items():
        sql = sql.replace(name, value)
    await connection.execute(sql)
    await connection.execute("VACUUM ANALYZE")
