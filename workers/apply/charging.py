"""Charge the accounts' days in the transaction that writes: never above a limit, and a rollback refunds itself."""

from __future__ import annotations

from collections.abc import Sequence

from asyncpg import Connection

from workers.apply.blame import Stale
from workers.apply.purse import Purse
from workers.apply.statements import ROAD


async def look(connection: Connection, purses: Sequence[Purse], *, lock: bool) -> None:
    """Fill in what is used of the purses that have a limit; lock them all, in order, if any is contended.

    While all that is wanted fits by far, the rows are locked last and shortly (`charge`), so that the shards of one
    account run side by side.
    """
    limited = [purse for purse in purses if purse.limit is not None]
    if not limited:
        return
    if not lock:
        await _read(connection, limited, ROAD.read_usage.sql)
        if not any(purse.contended for purse in limited):
            return
    await connection.execute(ROAD.open_usage.sql, *_keys(purses))
    await _read(connection, purses, ROAD.lock_usage.sql)


async def charge(connection: Connection, purses: Sequence[Purse]) -> None:
    """Add what the window took to the accounts' days; raises `Stale` if that would be above a limit."""
    taken = [purse for purse in purses if purse.taken]
    if not taken:
        return
    rows = await connection.fetch(ROAD.charge_usage.sql, *taken_of(taken))
    if len(rows) < len(taken):
        raise Stale("the daily SKU limit filled up, or was lowered, while the window was at work")
    used = {(row["account_id"], row["day"]): row["used"] for row in rows}
    for purse in taken:
        purse.used = used[purse.account_id, purse.day]


def taken_of(purses: Sequence[Purse]) -> tuple[list[int], list[object], list[int]]:
    """Return the parameters of a charge: accounts, days, and what was taken of each."""
    return *_keys(purses), [purse.taken for purse in purses]


async def _read(connection: Connection, purses: Sequence[Purse], statement: str) -> None:
    rows = await connection.fetch(statement, *_keys(purses), [purse.limit or 0 for purse in purses])
    known = {(row["account_id"], row["day"]): row for row in rows}
    for purse in purses:
        row = known[purse.account_id, purse.day]
        purse.used, purse.reserved = row["used"], row["waiting"] if purse.limit is not None else 0


def _keys(purses: Sequence[Purse]) -> tuple[list[int], list[object]]:
    return [purse.account_id for purse in purses], [purse.day for purse in purses]
