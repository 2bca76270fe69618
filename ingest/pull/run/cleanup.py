"""Missing items (`fetchCleanup: enabled`): what is stored with a quantity and was not in the file gets quantity 0.

Only after a run of which it is beyond doubt that it is complete: the guard let it through, its receipts are all in, and
of every row of the file it is known which item it was. Then everything that was published for the feed before is
applied, and what is stored can be compared with the file. The zeros take the road like all items.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg

from ingest.feeds.guard import Stock
from ingest.pull.run.file.part_files import Spooled
from ingest.pull.run.publish import Numbered
from ingest.pull.run.store import Run, Store
from schemas import queries
from schemas.batches import Batch
from schemas.items import MAX_ITEMS

CLEANUP = queries.load("cleanup", beside=__file__)
MakeBatch = Callable[[int, list[dict[str, Any]]], Batch]
"""Part number and items to the batch."""
MISSING_PAGE = 100
"""Parts of missing items read at a time."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A file's keys against what is stored. `unknown`: keys out of rows that are out of shape, of nothing stored."""

    stock: Stock
    unknown: int


def why_not(late: int, keyless: int, unknown: int) -> str | None:
    """Return why missing items are left alone although the feed asks for them to be zeroed; None when they are not.

    `late` batches are not applied yet; of `keyless` rejected rows the key could not be read, and that of `unknown` ones
    is nothing that is stored: each may be the item that seems to be missing.
    """
    if late:
        return f"missing items were left alone: {late} batches are not applied yet"
    if keyless or unknown:
        many = f"{keyless + unknown} rejected rows"
        return f"missing items were left alone: {many} may be any of them, for their key is not known (see the rejects)"
    return None


async def compare_keys(store: Store, run: Run, spooled: Spooled) -> Seen:
    """Count what is stored with a quantity and which part of it the file does not have."""

    async def work(connection: asyncpg.Connection) -> Seen:
        await copy_seen(connection, spooled)
        row = await CLEANUP.stock_against(connection, account_id=run.account_id, feed_id=run.feed_id)
        return Seen(Stock(row["stored"], row["gone"]), row["unknown"])

    return await store.patiently(work)


async def copy_seen(connection: asyncpg.Connection, spooled: Spooled) -> None:
    """Copy every external id of the file into a temporary table: exact, no memory of this process, no WAL."""
    await CLEANUP.create_seen(connection)
    await connection.copy_records_to_table("seen", records=spooled.seen(), columns=("external_id", "doubtful"))
    await CLEANUP.analyze_seen(connection)


async def deal(store: Store, run: Run, spooled: Spooled) -> int | None:
    """Deal the missing items out into parts; return how many there are, None when the run is no longer ours.

    Dealt once: a resumed run finds the parts of the first attempt, for by then some items may be at 0 already.
    """
    if run.missing is not None:
        return run.missing

    async def work(connection: asyncpg.Connection) -> int | None:
        await copy_seen(connection, spooled)
        await CLEANUP.clear_missing(connection, run_id=run.id)
        missing: int = await CLEANUP.deal_missing(
            connection,
            account_id=run.account_id,
            feed_id=run.feed_id,
            part_items=MAX_ITEMS,
            run_id=run.id,
            first_part=spooled.facts["parts"],
        )
        row = await CLEANUP.set_missing(
            connection, missing=missing, run_id=run.id, owner=store.owner, attempt=run.attempt
        )
        return None if row is None else missing

    return await store.patiently(work)


def part_count(missing: int) -> int:
    """Return how many parts so many missing items make."""
    return -(-missing // MAX_ITEMS)


async def batches(store: Store, run: Run, first_part: int, make_batch: MakeBatch) -> AsyncGenerator[Numbered, None]:
    """Yield the batches of the missing items from part `first_part` on."""
    while True:

        async def work(connection: asyncpg.Connection, first: int = first_part) -> list[Any]:
            found = CLEANUP.missing_parts(connection, run_id=run.id, first_part=first, most=MISSING_PAGE)
            return [row async for row in found]

        rows = await store.patiently(work)
        for row in rows:
            items = [{"externalId": external_id, "inventoryQuantity": 0} for external_id in row["external_ids"]]
            yield row["part"], make_batch(row["part"], items), 0
        if len(rows) < MISSING_PAGE:
            return
        first_part = rows[-1]["part"] + 1
