"""The daily partitions: made ahead, dropped when they are old, never in the way of who writes."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from workers.duties import partitions

NOON = datetime(2001, 3, 1, 12, tzinfo=UTC)
"""Far from today, around which there are partitions already."""


async def receipt(connection, received_at):
    await connection.execute(
        """INSERT INTO receipts (account_id, batch_id, received_at, feed_id, source, applied_at, counts, items)
           VALUES (1, $1, $2, 1, 'webhook', $2, '{}', '[]')""",
        uuid.uuid4(),
        received_at,
    )


async def counts(connection):
    """Return partition → number of receipts, of those that have any."""
    rows = await connection.fetch("SELECT tableoid::regclass::text, count(*) FROM receipts GROUP BY 1")
    return dict(rows)


async def test_partitions_are_made_ahead_and_take_new_receipts(connection):
    await partitions.keep(connection, NOON, 7)
    await receipt(connection, NOON)
    await receipt(connection, NOON + timedelta(days=7))
    await receipt(connection, NOON + timedelta(days=9))
    assert {"receipts_20010301": 1, "receipts_20010308": 1, "receipts_default": 1} == await counts(connection)


async def test_a_partition_takes_over_what_the_default_one_caught(connection):
    for hour in (0, 12, 23):
        await receipt(connection, NOON.replace(hour=hour))
    await receipt(connection, NOON + timedelta(days=40))
    await partitions.keep(connection, NOON, 7)
    assert {"receipts_20010301": 3, "receipts_default": 1} == await counts(connection)
    keys = await connection.fetch(
        "SELECT 1 FROM pg_index WHERE indrelid = 'receipts_20010301'::regclass AND indisprimary"
    )
    assert 1 == len(keys)


async def test_old_partitions_are_dropped_and_old_stray_receipts_deleted(connection):
    old = NOON - timedelta(days=20)
    await partitions.keep(connection, old, 7)
    await receipt(connection, old)
    await receipt(connection, old - timedelta(days=10))
    assert {"receipts_20010209": 1, "receipts_default": 1} == await counts(connection)
    await partitions.keep(connection, NOON, 7)
    assert {} == await counts(connection)
    names = [
        row[0] for row in await connection.fetch("SELECT relname FROM pg_class WHERE relname ~ 'receipts_2.......$'")
    ]
    assert "receipts_20010228" == min(names)


async def test_events_and_minutes_have_partitions_of_their_own(connection):
    await partitions.keep(connection, NOON - timedelta(days=9), 3, partitions.EVENTS)
    for days in (0, 3, 9):
        await connection.execute(
            "INSERT INTO events (account_id, position, at, event, body) VALUES (1, $1, $2, 'x', '')",
            *(days, NOON - timedelta(days=days)),
        )
    await partitions.keep(connection, NOON, 3, partitions.EVENTS)
    await partitions.keep(connection, NOON, 3, partitions.FEED_MINUTES)
    rows = await connection.fetch("SELECT tableoid::regclass::text, position FROM events ORDER BY 1")
    assert [("events_20010226", 3), ("events_20010301", 0)] == [tuple(row) for row in rows]
    assert await connection.fetchval("SELECT to_regclass('feed_minutes_20010301') IS NOT NULL")


async def test_a_table_that_is_busy_is_left_for_the_next_round(connection, fleet):
    busy = await asyncpg.connect(fleet.settings.dsn)
    async with busy.transaction():
        await busy.execute("LOCK TABLE receipts_default IN ACCESS SHARE MODE")
        with pytest.raises(asyncpg.LockNotAvailableError):
            await partitions.keep(connection, NOON, 7)
        await asyncio.wait_for(receipt(connection, NOON), 60)
    await busy.close()
    await partitions.keep(connection, NOON, 7)
    assert {"receipts_20010301": 1} == await counts(connection)
