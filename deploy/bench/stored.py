"""Many rows under the benchmark's feeds before it begins (`--rows`): half the road's, half for Postgres alone.

Copied in by SQL, with the hash that the road would store, so that the road finds its items unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import asyncpg

from deploy.bench.catalogue import Feed, lean
from deploy.bench.ceiling import ACCOUNT as ALONE
from deploy.bench.ceiling import CONNECTIONS
from deploy.bench.system import ACCOUNT
from workers.apply.compare import hash_all

_COLUMNS = (
    "account_id", "feed_id", "external_id", "vendor_sku", "inventory_quantity", "retail_price", "item_hash",
    "details_hash", "charged", "created_at", "updated_at",
)  # fmt: skip


async def fill(connection: asyncpg.Connection, feeds: list[Feed], rows: int) -> None:
    """Store so many rows, half of them each; then leave the table as autovacuum would."""
    for records in (_road(feeds, rows // 2), _alone(rows // 2)):
        await connection.copy_records_to_table("feed_variants", records=records, columns=_COLUMNS)
    await connection.execute("VACUUM ANALYZE feed_variants")
    await connection.execute("CHECKPOINT")


def _road(feeds: list[Feed], rows: int) -> Iterator[tuple[Any, ...]]:
    for place, feed in enumerate(feeds):
        for number in range(place, rows, len(feeds)):
            yield _row(ACCOUNT, feed.id, number)


def _alone(rows: int) -> Iterator[tuple[Any, ...]]:
    for share in range(CONNECTIONS):
        for number in range(share, rows, CONNECTIONS):
            yield _row(ALONE, share, number)


def _row(account: int, feed: int, number: int) -> tuple[Any, ...]:
    item = lean(number, 1)
    price = str(item["retailPrice"])
    (item_hash,) = hash_all([item | {"retailPrice": price}]).items
    sku, now = item["externalId"], datetime(2026, 1, 1, tzinfo=UTC)
    return account, feed, sku, sku, 1, Decimal(price), item_hash, 0, 0, now, now
