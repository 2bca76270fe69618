"""Whether a page of the list of feed variants costs the same wherever it lies: among a million, first to last.

    python -m deploy.bench.listing [--rows N] [--pages N] [--explain]

A private Postgres is filled by SQL; the pages are read by the API's own query through the API's own pool.
"""

from __future__ import annotations

import asyncio
import secrets
import statistics
import time
from typing import Any

import asyncpg
import click
import orjson
from tabulate import tabulate

from deploy.bench.ending import migrated_postgres
from deploy.bench.seed import ACCOUNT, FEEDS, fill
from ingest.api.framework.call import Scoped
from ingest.api.framework.postgres import new_pool
from ingest.api.shared.stored import ANY, GOODS
from schemas.settings import Settings

LIMIT = 50
Case = tuple[str, dict[str, Any]]


@click.command()
@click.option("--rows", default=1_000_000, show_default=True, help="Feed variants in all.")
@click.option("--pages", default=200, show_default=True, help="How often each page is read.")
@click.option("--explain", is_flag=True, help="Also show the plan of a page in the middle.")
def main(rows: int, pages: int, *, explain: bool) -> None:
    """Time first, middle and last pages of a long list."""
    with migrated_postgres() as server:
        click.echo(f"filling {rows:,} feed variants of {FEEDS} feeds", err=True)
        asyncio.run(_run(server.dsn, rows, pages, explain=explain))


async def _run(dsn: str, rows: int, pages: int, *, explain: bool) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await fill(connection, rows)
    finally:
        await connection.close()
    settings = Settings(database_url=dsn, amqp_url="amqp://127.0.0.1", secret_key=secrets.token_hex(16))
    async with new_pool(settings) as pool:
        cases = _cases(rows)
        figures = [(name, *await _time(pool, wanted, pages)) for name, wanted in cases]
        click.echo(_table(rows, figures))
        if explain:
            _, middle = cases[2]
            plan = await Scoped(_Explaining(pool, "TIMING OFF, COSTS OFF, SUMMARY OFF"), ACCOUNT).all(
                GOODS.feed_variant_list, **middle
            )
            click.echo("\n" + "\n".join(row["QUERY PLAN"] for row in plan))


def _cases(rows: int) -> list[Case]:
    """Return what is asked for: pages by where they lie, then filters."""
    each = rows // FEEDS

    def after(share: float) -> dict[str, Any]:
        place = min(int(rows * share), rows - LIMIT - 1)
        return {"after_feed": place // each + 1, "after_external_id": f"sku-{place % each:08}"}

    asked: list[Case] = [
        ("first page", {}),
        ("a quarter in", after(0.25)),
        ("half way", after(0.5)),
        ("three quarters in", after(0.75)),
        ("last page", after(1)),
        ("one feed, half way", {"feed_id": FEEDS, **after(1 - 0.5 / FEEDS)}),
        ("connected, half way", {"connected": True, **after(0.5)}),
        ("by externalId", {"external_id": f"sku-{each // 2:08}"}),
        ("by vendorSku", {"vendor_sku": f"vendor-{rows // 2}"}),
        ("by variantId", {"variant_id": 5}),
    ]
    return [(name, {**ANY, "limit": LIMIT + 1, **wanted}) for name, wanted in asked]


async def _time(pool: asyncpg.Pool, wanted: dict[str, Any], pages: int) -> tuple[str, ...]:
    """Return what the table shows of a page: rows, blocks touched, milliseconds in Postgres and as the API waits."""
    rows = await Scoped(pool, ACCOUNT).all(GOODS.feed_variant_list, **wanted)
    took_ms, inside_ms, blocks = [], [], 0
    for _ in range(pages):
        began = time.perf_counter()
        await Scoped(pool, ACCOUNT).all(GOODS.feed_variant_list, **wanted)
        took_ms.append(1000 * (time.perf_counter() - began))
        (row,) = await Scoped(_Explaining(pool, "FORMAT JSON"), ACCOUNT).all(GOODS.feed_variant_list, **wanted)
        (plan,) = orjson.loads(row[0])
        inside_ms.append(plan["Planning Time"] + plan["Execution Time"])
        blocks = plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"]
    medians = (f"{statistics.median(figures):.2f}" for figures in (inside_ms, took_ms))
    return str(min(len(rows), LIMIT)), str(blocks), *medians


def _table(rows: int, figures: list[tuple[str, ...]]) -> str:
    headers = (f"page of {rows:,}", "rows", "blocks", "in Postgres, ms", "with client, ms")
    align = ("left", *["right"] * (len(headers) - 1))
    table: str = tabulate(figures, headers, colalign=align, disable_numparse=True)
    return table


class _Explaining:
    """A pool that answers a query with its plan."""

    def __init__(self, pool: asyncpg.Pool, form: str) -> None:
        self._pool = pool
        self._form = form

    async def fetch(self, sql: str, *arguments: Any) -> list[Any]:
        rows: list[Any] = await self._pool.fetch(f"EXPLAIN (ANALYZE, BUFFERS, {self._form}) {sql}", *arguments)
        return rows


if __name__ == "__main__":
    main()
