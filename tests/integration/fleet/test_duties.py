"""Duties against a real Postgres: samples, releases, clearing away; one worker at a time."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest

from schemas.batches import Operation
from schemas.errors import Transient
from workers.clock import Clock
from workers.duties.duty import Duty
from workers.duties.release import Releaser
from workers.duties.upkeep import Upkeep, purge_deleted_feeds, sample_usage
from workers.health import Health

NOON = datetime(2001, 3, 1, 12, tzinfo=UTC)


class Outbox(list):
    """Takes the place of the broker."""

    async def publish(self, batch):
        self.append(batch)


async def defer(connection, feed, *names):
    await connection.executemany(
        """INSERT INTO deferred_items (account_id, feed_id, external_id, item, batch_id, deferred_at)
           VALUES (1, $1, $2, '{}', gen_random_uuid(), now())""",
        [(feed, name) for name in names],
    )


async def set_account(connection, limit, time_zone="UTC"):
    await connection.execute("UPDATE accounts SET daily_sku_limit = $1, time_zone = $2 WHERE id = 1", limit, time_zone)


async def use(connection, day, used):
    await connection.execute("INSERT INTO usage (account_id, day, used) VALUES (1, $1, $2)", day, used)


async def test_usage_is_sampled_by_the_accounts_day_once_in_five_minutes_and_forgotten_later(connection):
    await set_account(connection, 2, "Pacific/Auckland")  # it is March 2 there at NOON
    await use(connection, date(2001, 3, 1), 7)
    await use(connection, date(2001, 3, 2), 3)
    for at in (NOON - timedelta(days=36), NOON, NOON + timedelta(seconds=299), NOON + timedelta(seconds=301)):
        await sample_usage(connection, at)
    rows = await connection.fetch("SELECT sampled_at, day, used FROM usage_samples ORDER BY sampled_at")
    assert [(NOON + timedelta(minutes=five), date(2001, 3, 2), 3) for five in (0, 5)] == [tuple(row) for row in rows]


async def test_items_are_released_when_the_day_begins_where_the_account_is(connection, fleet):
    outbox = Outbox()
    releaser = Releaser(fleet.settings.key, outbox.publish)
    await set_account(connection, 2, "Pacific/Auckland")  # UTC+13: its March 2 begins at 11:00 UTC on March 1
    await use(connection, date(2001, 3, 1), 2)
    await defer(connection, 1, "a", "b", "c")
    assert 0 == await releaser.round(connection, datetime(2001, 3, 1, 10, 59, 59, tzinfo=UTC))
    assert 1 == await releaser.round(connection, datetime(2001, 3, 1, 11, 0, 0, tzinfo=UTC))
    assert [(Operation.RELEASE, 1, [{"externalId": "a"}, {"externalId": "b"}])] == [
        (batch.operation, batch.feed_id, batch.items) for batch in outbox
    ]


async def test_items_are_released_when_the_limit_is_raised(connection, fleet):
    outbox = Outbox()
    releaser = Releaser(fleet.settings.key, outbox.publish)
    await set_account(connection, 2)
    await use(connection, NOON.date(), 2)
    await defer(connection, 1, "a")
    await defer(connection, 2, "b")
    await defer(connection, 1, "c")
    assert 0 == await releaser.round(connection, NOON)
    await set_account(connection, 4)
    assert 2 == await releaser.round(connection, NOON)
    assert {(1, "a"), (2, "b")} == {(batch.feed_id, batch.items[0]["externalId"]) for batch in outbox}


async def test_an_account_in_a_zone_that_is_not_known_here_holds_up_no_other(connection, fleet):
    outbox = Outbox()
    await set_account(connection, None, "Mars/Olympus")
    await connection.execute("INSERT INTO accounts (name) VALUES ('two')")
    await defer(connection, 1, "a")
    await connection.execute(
        """INSERT INTO deferred_items (account_id, feed_id, external_id, item, batch_id, deferred_at)
           VALUES (2, 9, 'b', '{}', gen_random_uuid(), now())"""
    )
    assert 1 == await Releaser(fleet.settings.key, outbox.publish).round(connection, NOON)
    assert [2] == [batch.account_id for batch in outbox]


async def test_what_was_published_waits_a_while_before_it_is_published_again(connection, fleet):
    outbox = Outbox()
    releaser = Releaser(fleet.settings.key, outbox.publish)
    await defer(connection, 1, "a")
    assert [1, 0, 1] == [await releaser.round(connection, NOON + timedelta(seconds=seconds)) for seconds in (0, 5, 61)]
    assert 1 == len({batch.batch_id for batch in outbox})


async def test_two_workers_that_race_release_the_same_batches(connection, fleet):
    other = await asyncpg.connect(fleet.settings.dsn)
    outbox = Outbox()
    await defer(connection, 1, *(f"sku {n}" for n in range(120)))
    rounds = [Releaser(fleet.settings.key, outbox.publish).round(one, NOON) for one in (connection, other)]
    assert [3, 3] == await asyncio.gather(*rounds)
    assert 3 == len({batch.batch_id for batch in outbox})
    await other.close()


async def test_a_round_goes_on_when_the_broker_is_away(connection, fleet):
    async def unavailable(_):
        raise Transient("rabbitmq: away")

    await defer(connection, 1, "a")
    await use(connection, date(2000, 1, 1), 1)
    upkeep = Upkeep(fleet.settings, Releaser(fleet.settings.key, unavailable), Clock(now=lambda: NOON))
    await upkeep.release(connection)
    await upkeep.clear(connection)
    assert [] == await connection.fetch("SELECT 1 FROM usage")
    assert await connection.fetchval("SELECT to_regclass('receipts_20010301')") is not None


@asynccontextmanager
async def upkeep(fleet, publish):
    """Run the duty's work over a connection of its own."""
    connection = await asyncpg.connect(fleet.settings.dsn)
    work = asyncio.create_task(Upkeep(fleet.settings, Releaser(fleet.settings.key, publish), Clock()).serve(connection))
    try:
        yield
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        connection.terminate()


async def session(connection, condition):
    """Return the other sessions of the database of which a condition is true."""
    return await connection.fetch(
        f"SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND {condition}"
    )


@pytest.mark.parametrize("busy", [False, True])
async def test_a_changed_account_calls_for_a_round_at_once_whatever_else_takes_its_time(
    connection, fleet, busy, monkeypatch
):
    monkeypatch.setattr("workers.duties.upkeep.ROUND_S", 600)  # the next round would be too late
    published: asyncio.Queue[object] = asyncio.Queue()
    today = datetime.now(UTC).date()
    await set_account(connection, 1)
    await use(connection, today, 1)
    await use(connection, today + timedelta(days=1), 1)
    await defer(connection, 1, "a")
    await connection.execute("UPDATE inventory_feeds SET deleted_at = now() WHERE id = 2")
    holder = await asyncpg.connect(fleet.settings.dsn)
    if busy:
        await holder.execute("BEGIN; LOCK TABLE feed_variants IN SHARE MODE")
    async with upkeep(fleet, published.put):
        if busy:
            waiting = "wait_event_type = 'Lock' AND query LIKE '%DELETE FROM feed_variants%'"
            await fleet.until(lambda: session(connection, waiting), "a feed that is being deleted")
        looked = "state = 'idle' AND query LIKE '%SELECT used FROM usage%'"
        await fleet.until(lambda: session(connection, looked), "a first round")
        await set_account(connection, 2)
        batch = await asyncio.wait_for(published.get(), 60)
    holder.terminate()
    assert ["a"] == [item["externalId"] for item in batch.items]


async def test_a_deleted_feed_goes_with_all_its_rows_and_no_others(connection):
    for feed in (1, 2):
        await connection.execute(
            """WITH added AS (
                   INSERT INTO feed_variants
                       (account_id, feed_id, external_id, item_hash, details_hash, created_at, updated_at)
                   SELECT 1, $1, 'sku ' || n, 0, 0, now(), now() FROM generate_series(1, 20) n RETURNING id)
               INSERT INTO feed_variant_details SELECT 1, id, '{}' FROM added""",
            feed,
        )
        await defer(connection, feed, "x")
    await connection.execute("UPDATE inventory_feeds SET deleted_at = now() WHERE id = 1")
    await purge_deleted_feeds(connection)
    for table in ("feed_variants", "deferred_items"):
        assert [2] == [row[0] for row in await connection.fetch(f"SELECT DISTINCT feed_id FROM {table}")]
    assert 20 == await connection.fetchval("SELECT count(*) FROM feed_variant_details")
    assert [] == await connection.fetch("SELECT 1 FROM inventory_feeds WHERE id = 1")


async def test_one_worker_at_a_time_does_a_duty_and_another_takes_it_over(fleet):
    begun: asyncio.Queue[int] = asyncio.Queue()
    at_work = 0

    def duty(worker):
        async def work(_):
            nonlocal at_work
            at_work += 1
            assert 1 == at_work
            await begun.put(worker)
            try:
                await asyncio.Event().wait()
            finally:
                at_work -= 1

        return asyncio.create_task(Duty(9, "test", work).run(fleet.settings, uuid.uuid4(), Health()))

    tasks = {worker: duty(worker) for worker in (1, 2)}
    first = await begun.get()
    tasks[first].cancel()
    assert 3 - first == await asyncio.wait_for(begun.get(), 60)
    tasks[3 - first].cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)
