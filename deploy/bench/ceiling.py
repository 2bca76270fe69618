"""What Postgres alone reaches: bulk array upserts of the same items into the same tables, on two connections.

Two processes, a connection each, each owning half of the catalogue, so that the client is no bottleneck. Windows are
cut from the catalogue in its keys' order; of many stored rows from the SKUs as the road gets them, at random, or each
page would be read once for several rows where the road reads one for each. Keys are in order within a window always.
Arguments are made before the clock starts, one statement (and one commit) a window.
"""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import asyncpg
import orjson

from deploy.bench.catalogue import KINDS, SKUS, numbers

CONNECTIONS = 2
WINDOW_ITEMS = 3_200
"""64 batches of 50, the largest window of a worker."""
_PASSES = 3
"""Quantities that all changed items get in turn."""
ACCOUNT = 1_000_000
"""The first account id that no feed of the road uses."""

_LEAN = """
INSERT INTO feed_variants AS stored (account_id, feed_id, external_id, vendor_sku, inventory_quantity, retail_price,
                                     item_hash, details_hash, created_at, updated_at, inventory_updated_at)
SELECT $1, $2, sent.*, 0, 0, now(), now(), now()
FROM unnest($3::text[], $4::text[], $5::integer[], $6::numeric[]) AS sent
ON CONFLICT (account_id, feed_id, external_id) DO UPDATE
SET vendor_sku = excluded.vendor_sku, inventory_quantity = excluded.inventory_quantity,
    retail_price = excluded.retail_price, updated_at = excluded.updated_at,
    inventory_updated_at = excluded.inventory_updated_at
WHERE (stored.vendor_sku, stored.inventory_quantity, stored.retail_price)
      IS DISTINCT FROM (excluded.vendor_sku, excluded.inventory_quantity, excluded.retail_price)
"""

_RICH = """
WITH sent AS (
    SELECT * FROM unnest($3::text[], $4::text[], $5::integer[], $6::numeric[], $7::text[], $8::numeric[], $9::text[])
             AS sent (external_id, vendor_sku, inventory_quantity, retail_price, barcode, cost_price, attributes)
), hot AS (
    INSERT INTO feed_variants AS stored (account_id, feed_id, external_id, vendor_sku, inventory_quantity, retail_price,
                                         barcode, cost_price, item_hash, details_hash, created_at, updated_at,
                                         inventory_updated_at)
    SELECT $1, $2, external_id, vendor_sku, inventory_quantity, retail_price, barcode, cost_price, 0, 0, now(), now(),
           now()
    FROM sent
    ON CONFLICT (account_id, feed_id, external_id) DO UPDATE
    SET vendor_sku = excluded.vendor_sku, inventory_quantity = excluded.inventory_quantity,
        retail_price = excluded.retail_price, barcode = excluded.barcode, cost_price = excluded.cost_price,
        updated_at = excluded.updated_at, inventory_updated_at = excluded.inventory_updated_at
    WHERE (stored.vendor_sku, stored.inventory_quantity, stored.retail_price, stored.barcode, stored.cost_price)
          IS DISTINCT FROM (excluded.vendor_sku, excluded.inventory_quantity, excluded.retail_price, excluded.barcode,
                            excluded.cost_price)
    RETURNING id, external_id
)
INSERT INTO feed_variant_details AS stored (account_id, feed_variant_id, attributes)
SELECT $1, hot.id, sent.attributes::jsonb FROM hot JOIN sent USING (external_id)
ON CONFLICT (account_id, feed_variant_id) DO UPDATE SET attributes = excluded.attributes
WHERE stored.attributes IS DISTINCT FROM excluded.attributes
"""

_HOT_OF_RICH = ("externalId", "vendorSku", "inventoryQuantity", "retailPrice", "barcode", "costPrice")


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Items a second that Postgres alone reaches."""

    changed: float
    unchanged: float
    created: float


@dataclass(frozen=True, slots=True)
class Table:
    """What is upserted: a kind of item, of an account that has no rows yet, or all of `rows` (`stored.fill`).

    `number` is the round's: what a round changes, the next has to change once more.
    """

    kind: str
    account: int
    rows: int = 0
    number: int = 0


@dataclass(frozen=True, slots=True)
class Share:
    """What one connection works on: its items, and where they are stored."""

    dsn: str
    table: Table
    number: int
    skus: list[int]


def measure(dsn: str, table: Table, seconds: float) -> Ceiling:
    """Return the ceiling for a kind of item: created once, unless stored, then unchanged and changed for `seconds`."""
    skus = numbers(table.rows, seed=table.account) if table.rows else list(range(SKUS))
    half = len(skus) // 2 if table.rows else 0  # as the road: what was changed is not unchanged in the next round
    context = multiprocessing.get_context("spawn")
    with context.Pool(CONNECTIONS) as pool:
        created = 0.0 if table.rows else sum(pool.map(_create, _shares(dsn, table, skus), chunksize=1))
        rates = {
            changing: sum(pool.starmap(_upsert, [(share, changing, seconds) for share in _shares(dsn, table, own)], 1))
            for changing, own in ((False, skus[half:]), (True, skus[:half] if half else skus))
        }
    return Ceiling(changed=rates[True], unchanged=rates[False], created=created)


def _shares(dsn: str, table: Table, skus: list[int]) -> list[Share]:
    return [
        Share(dsn, table, share, [number for number in skus if number % CONNECTIONS == share])
        for share in range(CONNECTIONS)
    ]


def _windows(share: Share, quantity: int) -> list[tuple[Any, ...]]:
    windows: list[tuple[Any, ...]] = []
    kind = share.table.kind
    for start in range(0, len(share.skus), WINDOW_ITEMS):
        items = [KINDS[kind](number, quantity) for number in sorted(share.skus[start : start + WINDOW_ITEMS])]
        columns = _HOT_OF_RICH if kind == "rich" else _HOT_OF_RICH[:4]
        arrays = [[_exact(item[column]) for item in items] for column in columns]
        if kind == "rich":
            details = ({k: v for k, v in item.items() if k not in _HOT_OF_RICH} for item in items)
            arrays.append([orjson.dumps(detail).decode() for detail in details])
        windows.append((share.table.account, share.number, *arrays))
    return windows


def _exact(value: Any) -> Any:
    return Decimal(str(value)) if isinstance(value, float) else value


def _create(share: Share) -> float:
    return asyncio.run(_pass(share, [_windows(share, 1)], 0))


def _upsert(share: Share, changing: bool, seconds: float) -> float:
    first = 2 + _PASSES * share.table.number
    quantities = range(first, first + _PASSES) if changing else (1,)
    return asyncio.run(_pass(share, [_windows(share, quantity) for quantity in quantities], seconds))


async def _pass(share: Share, passes: list[list[tuple[Any, ...]]], seconds: float) -> float:
    """Send windows for `seconds`, or all of one pass when 0; return items a second."""
    connection = await asyncpg.connect(share.dsn)
    try:
        statement = await connection.prepare(_RICH if share.table.kind == "rich" else _LEAN)
        started = time.perf_counter()
        items = 0
        for windows in itertools.cycle(passes):
            for window in windows:
                await statement.fetch(*window)
                items += len(window[2])
                if seconds and time.perf_counter() - started >= seconds:
                    return items / (time.perf_counter() - started)
            if not seconds:
                break
        return items / (time.perf_counter() - started)
    finally:
        await connection.close()
