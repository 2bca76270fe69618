"""Batches that were delivered again: somebody had them in hand and did not finish. Did one of them kill its worker?

Being in hand when a connection breaks proves nothing, so the broker's count of deliveries is not asked. Counted are
workers that began to *apply* a batch and are gone from the live list. A batch with such a death flies alone, so that
the next death is its own; one with `MOST_DEATHS` is buried, item by item, and the shard goes on.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime

from asyncpg import Connection

from schemas import queries
from schemas.batches import Batch
from workers.apply import blame, isolate

SHARD = queries.load("shard", beside=__file__)
MOST_DEATHS = 4
"""The first death is not counted: nobody notes a batch that comes for the first time."""
CODE = "worker_died"
REASON = "each worker that began to apply the batch died of it, or while it was at it"


async def begin(connection: Connection, batches: Sequence[Batch], worker_id: uuid.UUID) -> dict[uuid.UUID, int]:
    """Note that we begin; return how many workers each batch has outlived, without those that it has not."""
    with blame.kept():
        rows = SHARD.begin_attempts(connection, **_named(batches), worker_id=worker_id)
        return {row["batch_id"]: row["deaths"] async for row in rows}


async def forget(connection: Connection, batches: Sequence[Batch]) -> None:
    """Drop the notes of batches that are committed."""
    with blame.kept():
        await SHARD.forget_attempts(connection, **_named(batches))


async def bury(connection: Connection, batch: Batch, now: datetime) -> None:
    """End every item of a batch as dead, unless it was applied after all."""
    with blame.kept():
        await isolate.bury_items(connection, batch, (CODE, REASON), now)


def divide(batches: Sequence[Batch], deaths: Mapping[uuid.UUID, int]) -> list[Sequence[Batch]]:
    """Return the batches in their order, in pieces: each with a death alone, the others together."""
    pieces: list[list[Batch]] = []
    together = False
    for batch in batches:
        alone = batch.batch_id in deaths
        if alone or not together:
            pieces.append([])
        pieces[-1].append(batch)
        together = not alone
    return list(pieces)


def _named(batches: Sequence[Batch]) -> dict[str, object]:
    known = {batch.batch_id: batch for batch in batches}
    return {
        "account_ids": [batch.account_id for batch in known.values()],
        "batch_ids": list(known),
    }
