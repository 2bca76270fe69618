"""Daily partitions of the tables that grow with every window: made ahead, dropped when they are old. Days are UTC.

Each change takes its locks with a short timeout, because windows queue up behind a lock that waits: what does not
get its lock now gets it at the next round. Source: https://www.postgresql.org/docs/current/ddl-partitioning.html
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import asyncpg

from schemas import queries
from schemas.logs import structlog

UPKEEP = queries.load("upkeep", beside=__file__)
DAYS_AHEAD = 7
LOCK_TIMEOUT = "SET LOCAL lock_timeout = '100ms'"
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Table:
    """A table partitioned by the day of one of its columns."""

    name: str
    column: str


RECEIPTS = Table("receipts", "received_at")
EVENTS = Table("events", "at")
FEED_MINUTES = Table("feed_minutes", "minute")


def name_of(day: date, table: Table = RECEIPTS) -> str:
    """Return the name of a day's partition."""
    return f"{table.name}_{day:%Y%m%d}"


def day_of(name: str) -> date | None:
    """Return the day of a partition by its name; None for the default one."""
    suffix = name.rpartition("_")[2]
    return datetime.strptime(suffix, "%Y%m%d").replace(tzinfo=UTC).date() if suffix.isdigit() else None


def missing(existing: Iterable[str], today: date, table: Table = RECEIPTS) -> list[date]:
    """Return the days that need a partition: yesterday (for what waits in the queue) to a week ahead."""
    have = set(existing)
    days = [today + timedelta(days=n) for n in range(-1, DAYS_AHEAD + 1)]
    return [day for day in days if name_of(day, table) not in have]


def outdated(existing: Iterable[str], today: date, days: int) -> list[str]:
    """Return the partitions whose whole day is more than so many days old."""
    oldest = today - timedelta(days=days)
    return [name for name in existing if (day := day_of(name)) is not None and day < oldest]


async def keep(connection: asyncpg.Connection, now: datetime, days: int, table: Table = RECEIPTS) -> None:
    """Make the partitions that will be needed and drop those whose rows have been kept for so many days."""
    today = now.astimezone(UTC).date()
    existing = [row["name"] async for row in UPKEEP.partitions_of(connection, name=table.name)]
    for day in missing(existing, today, table):
        await _make(connection, day, table)
    for name in outdated(existing, today, days):
        async with connection.transaction():
            await connection.execute(LOCK_TIMEOUT)
            await connection.execute(f"DROP TABLE {name}")
        _log.info("partition_dropped", name=name)
    oldest = datetime.combine(today - timedelta(days=days), time(), UTC)
    await connection.execute(
        f"DELETE FROM {table.name}_default WHERE {table.column} < $1",  # noqa: S608 - names of ours
        oldest,
    )


async def _make(connection: asyncpg.Connection, day: date, table: Table) -> None:
    """Make a day's partition, moving what the default partition caught of that day.

    Attaching fails while the default partition holds such a row, so it is locked before its rows are moved. The check
    constraint spares the scan of the new table.
    """
    name, parent, default = name_of(day, table), table.name, f"{table.name}_default"
    begin, end = (datetime.combine(d, time(), UTC).isoformat() for d in (day, day + timedelta(days=1)))
    within = f"{table.column} >= '{begin}' AND {table.column} < '{end}'"
    async with connection.transaction():
        await connection.execute(LOCK_TIMEOUT)
        await connection.execute(f"CREATE TABLE {name} (LIKE {parent} INCLUDING ALL)")
        await connection.execute(f"LOCK TABLE {default} IN ACCESS EXCLUSIVE MODE")
        moved = await connection.execute(
            f"WITH moved AS (DELETE FROM {default} WHERE {within} RETURNING *) "  # noqa: S608 - dates of ours
            f"INSERT INTO {name} SELECT * FROM moved"
        )
        await connection.execute(f"ALTER TABLE {name} ADD CONSTRAINT of_its_day CHECK ({within})")
        await connection.execute(
            f"ALTER TABLE {parent} ATTACH PARTITION {name} FOR VALUES FROM ('{begin}') TO ('{end}')"
        )
        await connection.execute(f"ALTER TABLE {name} DROP CONSTRAINT of_its_day")
    _log.info("partition_made", name=name, moved=int(moved.rpartition(" ")[2]))
