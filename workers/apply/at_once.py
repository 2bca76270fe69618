"""A window that changes hot attributes alone, in one statement that commits by itself: all of it or nothing.

It updates the rows by their places, charges their days within the limit, and writes minutes, receipts and the events of
accounts that keep them, as the transaction does (`workers/apply/transaction.py`), and ends in an error unless every row
and every day was written. What is used of a day is not looked at before, unless that went wrong lately.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from asyncpg import Connection

from schemas.changes import LIMIT_NEAR
from schemas.outcomes import Outcome
from workers.apply import admit, blame, changes, charging, rows, statements
from workers.apply.claim import receipts_of
from workers.apply.known import Known
from workers.apply.purse import Purse
from workers.apply.upsert import Compared
from workers.apply.work import Work


def takes(compared: Compared, known: Known) -> bool:
    """Return whether a window may be written at once; not where what was used decides about an event."""
    if not compared.only_updates or any(LIMIT_NEAR in work.feed.events for work in compared.found.sheet.works):
        return False
    return not known.scarce or known.scarce.isdisjoint(_days(compared))


async def write(
    connection: Connection, works: Sequence[Work], compared: Compared, now: datetime, known: Known
) -> list[Purse]:
    """Commit a window of updates; return the accounts' days that were charged.

    Raises `Stale` when a row is not where it was, or a day has no room for all: then nothing is committed.
    """
    plain = compared.updates.wanted
    purses = admit.purses_of(compared.changed, plain)
    try:
        with blame.all_written():
            _check(purses)
            admit.admit(compared.changed, purses)
            admit.take(plain)
            row = await _send(connection, works, compared, now, purses)
    except blame.Stale:
        known.scarce.update((purse.account_id, purse.day.toordinal()) for purse in purses if purse.limit is not None)
        raise
    if purses:
        for purse, used in zip(purses, row["used"], strict=True):
            purse.used = used
    return purses


def _check(purses: Sequence[Purse]) -> None:
    if any(purse.short for purse in purses):
        raise blame.Stale("more feed variants than an account's day takes")


async def _send(
    connection: Connection, works: Sequence[Work], compared: Compared, now: datetime, purses: Sequence[Purse]
) -> Any:
    (names, values), count = _update_of(compared, now), len(compared.changed) or len(compared.updates)
    if purses:
        values += charging.taken_of(purses)
    values += receipts_of(works, now)
    events = changes.events_of(works, now)
    values += events
    values += [count, len(purses)] if purses else [count]
    statement = statements.write_at_once(names, charges=bool(purses), tells=bool(events))
    return await connection.fetchrow(statement, *values)


def _update_of(compared: Compared, now: datetime) -> tuple[tuple[str, ...], list[Any]]:
    """Return what the window's update writes, and its parameters; its lines end as updated."""
    changed, found = compared.changed, compared.found
    if changed:
        for entry in changed:
            entry.end(Outcome.UPDATED)
        changes.note(changed)
        return rows.update_of_entries(changed, found.hashed, now)
    found.sheet.end(compared.updates.places, Outcome.UPDATED)
    return rows.update_of(found, compared.updates, now)


def _days(compared: Compared) -> set[tuple[int, int]]:
    """Return the accounts' days that are charged to a limit."""
    works = [work for work, _ in compared.updates.wanted]
    works += [entry.work for entry in compared.changed if not admit.is_free(entry.charged, entry.work.ordinal)]
    return {(work.feed.account_id, work.ordinal) for work in works if work.feed.daily_sku_limit is not None}
