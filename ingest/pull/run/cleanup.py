"""Missing items (`fetchCleanup: enabled`): what is stored with a quantity and was not in the file gets quantity 0.

Only after a complete run that the guard let through and whose receipts are all in: then everything that was published
for the feed before is applied, and what is stored can be compared with the file. The zeros take the road like all
items.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

from ingest.feeds.runs import MAX_PART_ITEMS, fell_by_more
from ingest.pull.run.publish import Numbered
from ingest.pull.run.store import Run, Store
from schemas.batches import Batch

MakeBatch = Callable[[int, list[dict[str, Any]]], Batch]
"""Part number and items to the batch."""


def why_not(rows_mapped: int, last_mapped: int | None, share: float, late: int) -> str | None:
    """Return why missing items are left alone although the feed asks for them to be zeroed; None when they are not.

    A row that was refused may be the item that seems to be missing, so far fewer usable rows than in the last
    run (None: there was none, or a person approved this one) stop the clean-up.
    """
    if late:
        return f"missing items were left alone: {late} batches are not applied yet"
    if last_mapped and fell_by_more(rows_mapped, last_mapped, share):
        return f"missing items were left alone: {rows_mapped} usable rows, {last_mapped} in the last run"
    return None


async def deal(store: Store, run: Run, seen: Callable[[], AsyncIterator[tuple[str]]], first_part: int) -> int | None:
    """Deal the missing items out into parts; return how many there are, None when the run is no longer ours.

    Dealt once: a resumed run finds the parts of the first attempt, for by then some items may be at 0 already.
    """
    if run.missing is not None:
        return run.missing
    return await store.deal_missing(run, seen, first_part, MAX_PART_ITEMS)


def part_count(missing: int) -> int:
    """Return how many parts so many missing items make."""
    return -(-missing // MAX_PART_ITEMS)


async def batches(store: Store, run: Run, first_part: int, make_batch: MakeBatch) -> AsyncGenerator[Numbered, None]:
    """Yield the batches of the missing items from part `first_part` on."""
    async for part, external_ids in store.missing_parts(run, first_part):
        items = [{"externalId": external_id, "inventoryQuantity": 0} for external_id in external_ids]
        yield part, make_batch(part, items), 0
