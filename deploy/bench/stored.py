"""Many rows under the benchmark's feeds before it begins (`--rows`): half the road's, half for Postgres alone.

Copied in by SQL, with the hash that the road would store, so that the road finds its items unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
_AT_ONCE = 1_000
_MADE_AT = datetime(2026, 1, 1, tzinfo=UTC)


async def fill(connection: asyncpg.Connection, feeds: list[Feed], rows: int) -> None:
    """Store so many rows, half of them each; then leave the table as autovacuum would."""
    for records in (_road(feeds, rows // 2), _alone(rows // 2)):
        await connection.copy_records_to_table("feed_variants", records=records, columns=_COLUMNS)
    await connection.execute("VACUUM ANALYZE feed_variants")
    await connection.execute("CHECKPOINT")


def _road(feeds: list[Feed], rows: int) -> Iterator[tuple[Any, ...]]:
    for place, feed in enumerate(feeds):
        yield from _rows(ACCOUNT, feed.id, range(place, rows, len(feeds)))


def _alone(rows: int) -> Iterator[tuple[Any, ...]]:
    for share in range(CONNECTIONS):
        yield from _rows(ALONE, share, range(share, rows, CONNECTIONS))


def _rows(account: int, feed: int, numbers: Sequence[int]) -> Iterator[tuple[Any, ...]]:
    for start in range(0, len(numbers), _AT_ONCE):
        items = [lean(number, 1) for number in numbers[start : start + _AT_ONCE]]
        for item in items:
            item["retailPrice"] = str(item["retailPrice"])  # as the road has it
        for item, item_hash in zip(items, hash_all([items]).items, strict=True):
            sku = item["externalId"]
            yield account, feed, sku, sku, 1, Decimal(item["retailPrice"]), item_hash, 0, 0, _MADE_AT, _MADE_AT
