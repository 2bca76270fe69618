"""What Postgres alone reaches: bulk array upserts of the same items into the same tables, on two connections.

Two processes, a connection each, each owning half of the catalogue, so that the client is no bottleneck. They begin
together, and the time is that of both. Windows are cut from the SKUs as the road gets them, at random; keys are in
order within a window. (In the whole catalogue's order, which nobody sends, neighbours share a page: told beside.)
Arguments are made before the clock starts, one statement (and one commit) a window; each part begins as the road's do.
"""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import time
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import asyncpg
import orjson

from deploy.bench.catalogue import KINDS, numbers
from deploy.bench.fair import vacuum_at
from deploy.bench.report import Report

CONNECTIONS = 2
WINDOW_ITEMS = 3_200
"""64 batches of 50, the largest window of a worker."""
_MEETING: list[Any] = []
"""In a client's process: the barrier at which it waits for the others."""
_MEET_S = 60
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
    SELECT * FROM unnest($3::text[], $4::text[], $5::integer[], $6::numeric[], $7::text[], $8::numeric[], $9::text[],
                         $10::bigint[])
             AS sent (external_id, vendor_sku, inventory_quantity, retail_price, barcode, cost_price, attributes,
                      details_hash)
), hot AS (
    INSERT INTO feed_variants AS stored (account_id, feed_id, external_id, vendor_sku, inventory_quantity, retail_price,
                                         barcode, cost_price, item_hash, details_hash, created_at, updated_at,
                                         inventory_updated_at)
    SELECT $1, $2, external_id, vendor_sku, inventory_quantity, retail_price, barcode, cost_price, 0, details_hash,
           now(), now(), now()
    FROM sent
    ON CONFLICT (account_id, feed_id, external_id) DO UPDATE
    SET vendor_sku = excluded.vendor_sku, inventory_quantity = excluded.inventory_quantity,
        retail_price = excluded.retail_price, barcode = excluded.barcode, cost_price = excluded.cost_price,
        details_hash = excluded.details_hash, updated_at = excluded.updated_at,
        inventory_updated_at = excluded.inventory_updated_at
    WHERE (stored.vendor_sku, stored.inventory_quantity, stored.retail_price, stored.barcode, stored.cost_price,
           stored.details_hash)
          IS DISTINCT FROM (excluded.vendor_sku, excluded.inventory_quantity, excluded.retail_price, excluded.barcode,
                            excluded.cost_price, excluded.details_hash)
    RETURNING id, external_id
)
INSERT INTO feed_variant_details (account_id, feed_variant_id, attributes)
SELECT $1, hot.id, sent.attributes::jsonb
FROM hot JOIN sent USING (external_id)
LEFT JOIN LATERAL (
    SELECT was.details_hash FROM feed_variants was
    WHERE (was.account_id, was.feed_id, was.external_id) = ($1, $2, hot.external_id) LIMIT 1
) AS was ON true
WHERE was.details_hash IS DISTINCT FROM sent.details_hash
ON CONFLICT (account_id, feed_variant_id) DO UPDATE SET attributes = excluded.attributes
"""
# Details are told apart by their hash, as the road does it; the statement sees rows as they were before it. LIMIT has
# each looked up in the index.

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

    `number` is the round's: what a round changes, the next has to change once more. `in_order`: the whole catalogue in
    its keys' order.
    """

    kind: str
    account: int
    rows: int = 0
    number: int = 0
    in_order: bool = False


@dataclass(frozen=True, slots=True)
class Share:
    """What one connection works on: its items, and where they are stored."""

    dsn: str
    table: Table
    number: int
    skus: list[int]


def measure(dsn: str, table: Table, seconds: float) -> Ceiling:
    """Return the ceiling for a kind of item: created once, unless stored, then unchanged and changed for `seconds`."""
    skus = numbers(table.rows, seed=table.account)
    if table.in_order:
        skus.sort()
    half = len(skus) // 2 if table.rows else 0  # as the road: what was changed is not unchanged in the next round
    context = multiprocessing.get_context("spawn")
    with context.Pool(CONNECTIONS, _meet, (context.Barrier(CONNECTIONS),)) as pool:
        created = 0.0
        if not table.rows:
            vacuum_at(dsn)
            created = pace(pool.map(_create, _shares(dsn, table, skus), chunksize=1))
        rates = {}
        for changing, own in ((False, skus[half:]), (True, skus[:half] if half else skus)):
            vacuum_at(dsn)
            shares = [(share, changing, seconds) for share in _shares(dsn, table, own)]
            rates[changing] = pace(pool.starmap(_upsert, shares, chunksize=1))
    return Ceiling(changed=rates[True], unchanged=rates[False], created=created)


def told(report: Report, kind: str, top: Ceiling, of: Ceiling | None = None) -> None:
    """Add a round to the report; `of` is the same of another order, to which ratios are."""
    for name, case in (("unchanged", "all unchanged"), ("changed", "all changed"), ("created", "new rows")):
        rate: float = getattr(top, name)
        if rate:
            report.add(f"Postgres alone, {kind}, {case}", rate, "items/s", of=getattr(of, name, None))


Stint = tuple[int, float, float]
"""Items, and when the first was sent and the last was committed (a clock that all processes share)."""


def pace(stints: list[Stint]) -> float:
    """Return items a second of clients that worked side by side, from the first one's beginning to the last one's end,
    as the road's are counted.
    """
    items, began, ended = zip(*stints, strict=True)
    return float(sum(items) / (max(ended) - min(began)))


def _meet(barrier: Any) -> None:
    """Let the clients of this pool begin together: one that is ready sooner would have the machine for itself."""
    _MEETING.append(barrier)


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
            documents = [orjson.dumps(detail) for detail in details]
            arrays += [[document.decode() for document in documents], list(map(_hash, documents))]
        windows.append((share.table.account, share.number, *arrays))
    return windows


def _hash(document: bytes) -> int:
    return int.from_bytes(blake2b(document, digest_size=8).digest(), signed=True)


def _exact(value: Any) -> Any:
    return Decimal(str(value)) if isinstance(value, float) else value


def _create(share: Share) -> Stint:
    return asyncio.run(_pass(share, [_windows(share, 1)], 0))


def _upsert(share: Share, changing: bool, seconds: float) -> Stint:
    first = 2 + _PASSES * share.table.number
    quantities = range(first, first + _PASSES) if changing else (1,)
    return asyncio.run(_pass(share, [_windows(share, quantity) for quantity in quantities], seconds))


async def _pass(share: Share, passes: list[list[tuple[Any, ...]]], seconds: float) -> Stint:
    """Send windows for `seconds`, or all of one pass when 0."""
    connection = await asyncpg.connect(share.dsn)
    try:
        statement = await connection.prepare(_RICH if share.table.kind == "rich" else _LEAN)
        _MEETING[0].wait(_MEET_S)
        began, items = time.perf_counter(), 0
        for windows in itertools.cycle(passes):
            for window in windows:
                await statement.fetch(*window)
                items += len(window[2])
                if seconds and time.perf_counter() - began >= seconds:
                    return items, began, time.perf_counter()
            if not seconds:
                break
        return items, began, time.perf_counter()
    finally:
        await connection.close()
