"""The receipts' daily partitions: made ahead, dropped when they are old. Days are UTC.

Each change takes its locks with a short timeout, because windows queue up behind a lock that waits: what does not
get its lock now gets it at the next round. Source: https://www.postgresql.org/docs/current/ddl-partitioning.html
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

import asyncpg
import structlog

from schemas import queries

UPKEEP = queries.load("upkeep", beside=__file__)
DAYS_AHEAD = 7
LOCK_TIMEOUT = "SET LOCAL lock_timeout = '2s'"
_PREFIX = "receipts_"
_log = structlog.get_logger()


def name_of(day: date) -> str:
    """Return the name of a day's partition."""
    return f"{_PREFIX}{day:%Y%m%d}"


def day_of(name: str) -> date | None:
    """Return the day of a partition by its name; None for the default one."""
    suffix = name.removeprefix(_PREFIX)
    return datetime.strptime(suffix, "%Y%m%d").replace(tzinfo=UTC).date() if suffix.isdigit() else None


def missing(existing: Iterable[str], today: date) -> list[date]:
    """Return the days that need a partition: yesterday (for what waits in the queue) to a week ahead."""
    have = set(existing)
    days = [today + timedelta(days=n) for n in range(-1, DAYS_AHEAD + 1)]
    return [day for day in days if name_of(day) not in have]


def outdated(existing: Iterable[str], today: date, receipt_days: int) -> list[str]:
    """Return the partitions whose whole day is older than `receipt_days`."""
    oldest = today - timedelta(days=receipt_days)
    return [name for name in existing if (day := day_of(name)) is not None and day < oldest]


async def keep(connection: asyncpg.Connection, now: datetime, receipt_days: int) -> None:
    """Make the partitions that will be needed and drop those that are not any more."""
    today = now.astimezone(UTC).date()
    existing = [row["name"] async for row in UPKEEP.receipt_partitions(connection)]
    for day in missing(existing, today):
        await _make(connection, day)
    for name in outdated(existing, today, receipt_days):
        async with connection.transaction():
            await connection.execute(LOCK_TIMEOUT)
            await connection.execute(f"DROP TABLE {name}")
        _log.info("partition_dropped", name=name)
    oldest = datetime.combine(today - timedelta(days=receipt_days), time(), UTC)
    await UPKEEP.prune_default_receipts(connection, before=oldest)


async def _make(connection: asyncpg.Connection, day: date) -> None:
    """Make a day's partition, moving what the default partition caught of that day.

    Attaching fails while the default partition holds such a row, so it is locked before its rows are moved. The check
    constraint spares the scan of the new table.
    """
    name = name_of(day)
    begin, end = (datetime.combine(d, time(), UTC).isoformat() for d in (day, day + timedelta(days=1)))
    within = f"received_at >= '{begin}' AND received_at < '{end}'"
    async with connection.transaction():
        await connection.execute(LOCK_TIMEOUT)
        await connection.execute(f"CREATE TABLE {name} (LIKE receipts INCLUDING ALL)")
        await connection.execute("LOCK TABLE receipts_default IN ACCESS EXCLUSIVE MODE")
        moved = await connection.execute(
            f"WITH moved AS (DELETE FROM receipts_default WHERE {within} RETURNING *) "  # noqa: S608 - dates of ours
            f"INSERT INTO {name} SELECT * FROM moved"
        )
        await connection.execute(f"ALTER TABLE {name} ADD CONSTRAINT of_its_day CHECK ({within})")
        await connection.execute(
            f"ALTER TABLE receipts ATTACH PARTITION {name} FOR VALUES FROM ('{begin}') TO ('{end}')"
        )
        await connection.execute(f"ALTER TABLE {name} DROP CONSTRAINT of_its_day")
    _log.info("partition_made", name=name, moved=int(moved.rpartition(" ")[2]))
