"""A look at a window before its transaction: most of them change nothing, and need none but their receipts.

It reads what the transaction would read, over the session that holds the shard's lock: whoever writes this shard's rows
and receipts is that session, so what was read stays true until it writes. Others delete feeds, and move rows by
disconnecting them; the write finds that out (`rows.hold`, `rows.write`) and the window is done again under locks. A
session that ends takes the lock along and can write no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from asyncpg import Connection

from schemas.batches import Batch, Operation
from workers.apply import rows
from workers.apply.claim import claim
from workers.apply.inserts import inserts_of
from workers.apply.merge import merge
from workers.apply.upsert import Compared
from workers.apply.work import Work


@dataclass(frozen=True, slots=True)
class Glimpse:
    """The works of a window's batches, all fresh, and what they would change."""

    works: list[Work]
    compared: Compared


async def at(connection: Connection, batches: Sequence[Batch]) -> Glimpse | None:
    """Return what a window would change; None where that is told within its transaction alone.

    So it is where rows of other tables have a say (deferred items, dead letters), where the account keeps its changes,
    whose place is made of the transaction's number, and for whatever is no plain upsert of fresh batches.
    """
    if any(batch.operation is not Operation.UPSERT or batch.replays is not None for batch in batches):
        return None
    works = [work for work in await claim(connection, batches, hold=False, look=False) if work is not None]
    if len(works) < len(batches) or not all(_is_plain(work) for work in works):
        return None
    sheet = merge(works)
    hashed = sheet.hashed()
    found = await rows.read_differing(connection, sheet, hashed)
    updates, inserts = found.updates(), inserts_of(found)
    changed = await rows.read_entries(connection, found, (*updates.places, *inserts.places))
    return Glimpse(works, Compared(found, changed, updates, inserts, held=False))


def _is_plain(work: Work) -> bool:
    feed = work.feed
    return feed.exists and not (feed.has_deferred or feed.has_dead or feed.keeps_events)
