"""Indexes of partitioned tables are built beside whoever writes them."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime

import asyncpg
import pytest

from deploy import indexes

pytestmark = pytest.mark.new_database

_DECLARE = """
DROP INDEX receipts_dead;
CREATE INDEX receipts_dead ON ONLY receipts (account_id, feed_id, received_at) WHERE counts ? 'dead';
CREATE INDEX receipts_dead_of_receipts_default ON receipts_default (account_id)
"""
"""The last is in the way, as what a build leaves that is broken off."""
_VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'receipts_dead'::regclass"
_DEFINITIONS = """
SELECT DISTINCT pg_get_expr(x.indpred, x.indrelid), x.indisvalid, x.indnatts
FROM pg_inherits a JOIN pg_index x ON x.indexrelid = a.inhrelid WHERE a.inhparent = 'receipts_dead'::regclass
"""


async def test_receipts_are_written_while_an_index_of_theirs_is_built_by_one_of_two_that_want_it(database):
    window, other = await asyncpg.connect(database), await asyncpg.connect(database)
    assert [] == await other.fetch("SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid")  # as migrated
    await other.execute(_DECLARE)
    transaction = window.transaction()
    await transaction.start()
    await _write_receipt(window)
    builds = [asyncio.create_task(asyncio.to_thread(indexes.build, database)) for _ in range(2)]
    async with asyncio.timeout(60):
        while not await _waits_for_writers(other):
            assert not any(build.done() for build in builds)
    await other.execute("SET lock_timeout = '10s'")
    await _write_receipt(other)  # a build that is not concurrent would hold it up, as long as the window is open
    assert not await other.fetchval(_VALID)
    await transaction.commit()
    await asyncio.gather(*builds)
    assert await other.fetchval(_VALID)
    assert [("(counts ? 'dead'::text)", True, 3)] == [tuple(row) for row in await other.fetch(_DEFINITIONS)]
    await window.close()
    await other.close()


async def _waits_for_writers(connection: asyncpg.Connection) -> bool:
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM pg_stat_progress_create_index WHERE phase = 'waiting for writers before build')"
    )
    return found


async def _write_receipt(connection: asyncpg.Connection) -> None:
    await connection.execute(
        "INSERT INTO receipts (account_id, batch_id, received_at, feed_id, source, applied_at, counts, items) "
        "VALUES (1, $1, $2, 1, 'webhook', $2, '{}', '')",
        uuid.uuid4(),
        datetime.now(UTC),
    )
