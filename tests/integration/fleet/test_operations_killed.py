"""A worker that is killed in the middle of an operation, between what it published and its note of that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg

from schemas import dead_letters
from schemas.batches import Batch, Source, new_batch_id
from workers.duties.operations import REPLAY_PART

LETTERS = 2 * REPLAY_PART + 50
WAITS = """
SELECT FROM pg_stat_activity
WHERE application_name = $1 AND wait_event_type = 'Lock' AND query LIKE 'INSERT INTO operation_items%'
"""


async def bury(fleet, connection):
    """Bury that many items, one key each, of all feeds."""
    at = datetime.now(UTC) - timedelta(hours=1)
    letters = []
    for number in range(LETTERS):
        feed, now_ms = number % 8 + 1, int(at.timestamp() * 1000)
        item = {"externalId": f"dead {number}", "inventoryQuantity": number}
        batch = Batch(new_batch_id(feed, now_ms, fleet.settings.key), 1, feed, now_ms, Source.WEBHOOK, [item])
        letters.append(dead_letters.of_item(batch, 0, "test", "could not be applied"))
    async with connection.transaction():
        await dead_letters.store(connection, letters, at)


async def test_another_worker_goes_on_with_an_operation_and_nothing_is_done_twice_or_lost(fleet):
    connection = await asyncpg.connect(fleet.settings.dsn)
    try:
        async with fleet.worker() as first:
            await first.event("duty_begins", duty="operations")
            await bury(fleet, connection)
            await connection.execute(
                "INSERT INTO operations (account_id, kind, who, newer, max_id, total, pause_at)"
                " VALUES (1, 'replay', 'Ada', 'skip', $1, $2, $3)",
                *(2**62, LETTERS, REPLAY_PART),
            )
            paused = "SELECT FROM operations WHERE status = 'paused'"
            await fleet.until(lambda: fleet.fetch(paused), "the first part alone")
            async with fleet.worker() as second:
                await kill_in_mid_part(fleet, first)
                finished = "SELECT FROM operations WHERE status = 'finished'"
                await fleet.until(lambda: fleet.fetch(finished), "the rest by another worker")
                await second.event("duty_begins", duty="operations")

                async def applied():
                    return await connection.fetchval("SELECT count(*) FROM feed_variants") == LETTERS

                await fleet.until(applied, "all of them applied")
        counts = "SELECT done, skipped, failed, after_id FROM operations"
        assert (LETTERS, 0, 0, LETTERS) == tuple(await connection.fetchrow(counts))
        noted = "SELECT count(*), count(DISTINCT batch_id) FROM operation_items WHERE result = 'done'"
        assert (LETTERS, LETTERS) == tuple(await connection.fetchrow(noted))
        written = "SELECT array_agg(quantity ORDER BY quantity) FROM written"
        assert list(range(LETTERS)) == await connection.fetchval(written)
        receipts = await fleet.receipts()
        assert (LETTERS, {1}) == (len(receipts), set(receipts.values()))
    finally:
        await connection.close()


async def kill_in_mid_part(fleet, worker):
    """Let the operation go on, and kill the worker once it has published a part and is about to note it."""
    holder = await asyncpg.connect(fleet.settings.dsn)
    try:
        await holder.execute("BEGIN; LOCK TABLE operation_items IN SHARE MODE")
        await fleet.fetch("UPDATE operations SET status = 'running', pause_at = NULL")
        name = f"feedline-worker {worker.id.hex} operations"
        await fleet.until(lambda: fleet.fetch(WAITS, name), "a part that was published")
        await worker.kill()
        done = await fleet.fetch("SELECT done FROM operations")
        assert REPLAY_PART == done[0]["done"]
    finally:
        holder.terminate()
