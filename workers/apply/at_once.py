"""A window that changes hot attributes alone, in one statement that commits by itself: all of it or nothing.

It updates the rows by their places, charges their days within the limit, and writes minutes and receipts, as the
transaction does (`workers/apply/transaction.py`), and ends in an error unless every row and every day was written. What
is used of a day is not looked at before, but of those days where that went wrong lately.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from asyncpg import Connection

from schemas.outcomes import Outcome
from workers.apply import admit, blame, charging, rows, statements
from workers.apply.claim import receipts_of
from workers.apply.known import Known
from workers.apply.purse import Purse
from workers.apply.upsert import Compared
from workers.apply.work import Work


def takes(compared: Compared, known: Known) -> bool:
    """Return whether a window may be written at once."""
    return compared.only_updates and known.scarce.isdisjoint(_days(compared))


async def write(
    connection: Connection, works: Sequence[Work], compared: Compared, now: datetime, known: Known
) -> list[Purse]:
    """Commit a window of updates; return the accounts' days that were charged.

    Raises `Stale` when a row is not where it was, or a day has no room for all: then nothing is committed.
    """
    found, updates = compared.found, compared.updates
    purses = admit.purses_of((), updates.wanted)
    for purse in purses:
        purse.taken = purse.wanted
    names, values = rows.update_of(found, updates, now)
    if purses:
        values += charging.taken_of(purses)
    found.sheet.end(updates.places, Outcome.UPDATED)
    values += receipts_of(works, now)
    values += [len(updates), len(purses)] if purses else [len(updates)]
    try:
        with blame.all_written():
            row = await connection.fetchrow(statements.write_at_once(names), *values)
    except blame.Stale:
        known.scarce.update(_days(compared))
        raise
    if purses:
        for purse, used in zip(purses, row["used"], strict=True):
            purse.used = used
    return purses


def _days(compared: Compared) -> set[tuple[int, int]]:
    """Return the accounts' days that are charged to a limit."""
    works = [work for work, _ in compared.updates.wanted if work.feed.daily_sku_limit is not None]
    return {(work.feed.account_id, work.ordinal) for work in works}
