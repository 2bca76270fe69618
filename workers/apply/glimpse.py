"""A look at a window before its transaction: most of them change nothing, and need none but their receipts.

It reads what the transaction would read, over the session that holds the shard's lock: whoever writes this shard's rows
and receipts is that session, so what was read stays true until it writes. Others delete feeds, and move rows by
disconnecting them; the write finds that out (`rows.hold`, `rows.write`) and the window is done again under locks. A
session that ends takes the lock along and can write no more. Lines whose hash that session
knows (`known.py`) are not even asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from asyncpg import Connection

from schemas import metrics
from schemas.batches import Batch, Operation
from schemas.changes import BATCH_DONE
from workers.apply import rows
from workers.apply.claim import claim
from workers.apply.differing import NONE, Differing
from workers.apply.inserts import NONE as NO_INSERTS
from workers.apply.inserts import inserts_of
from workers.apply.known import Known
from workers.apply.merge import merge
from workers.apply.purse import Purse
from workers.apply.upsert import Compared
from workers.apply.work import Work


@dataclass(frozen=True, slots=True)
class Glimpse:
    """The works of a window's batches, all fresh, and what they would change; `known` lines were not compared."""

    works: list[Work]
    compared: Compared
    known: int = 0

    def teach(self, known: Known, purses: Sequence[Purse]) -> None:
        """Remember what is committed now; nothing new where not everything fitted into a day."""
        metrics.REMEMBERED.inc(self.known)
        if not any(purse.taken < purse.wanted for purse in purses):
            known.learn()


async def at(connection: Connection, batches: Sequence[Batch], known: Known) -> Glimpse | None:
    """Return what a window would change; None where that is told within its transaction alone.

    So it is where rows of other tables have a say (deferred items, dead letters), where an event tells of every batch,
    and for whatever is no plain upsert of fresh batches. Where changes are kept, all that changes are entries.
    """
    if any(batch.operation is not Operation.UPSERT or batch.replays is not None for batch in batches):
        return None
    works = [work for work in await claim(connection, batches, hold=False, look=False) if work is not None]
    if len(works) < len(batches) or not all(_is_plain(work) for work in works):
        return None
    sheet = merge(works)
    asked, hashed = known.unsettled(sheet, sheet.hashed())
    found = await rows.read_differing(connection, asked, hashed) if len(asked) else Differing(asked, hashed, ())
    updates, inserts = (NONE, NO_INSERTS) if sheet.told else (found.updates(), inserts_of(found))
    changed = await rows.read_entries(connection, found, (*updates.places, *inserts.places))
    return Glimpse(works, Compared(found, changed, updates, inserts, held=False), len(sheet) - len(asked))


def _is_plain(work: Work) -> bool:
    feed = work.feed
    return feed.exists and not (feed.has_deferred or feed.has_dead or BATCH_DONE in feed.events)
