"""Poison is isolated, everything else is applied; what passes by itself is left to be done again."""

import asyncio
from dataclasses import replace
from uuid import uuid4

import asyncpg
import orjson
import pytest

from schemas.batches import decode
from schemas.errors import Transient
from workers.apply import transaction
from workers.apply.blame import Trouble, spoils_the_session
from workers.apply.sheet import Sheet

POISON = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF new.external_id LIKE 'poison%' THEN
        RAISE EXCEPTION 'cannot digest %', new.external_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN new;
END
$$;
CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON feed_variants FOR EACH ROW EXECUTE FUNCTION refuse();
"""


def items(*names):
    return [{"externalId": name, "inventoryQuantity": 1} for name in names]


async def test_poison_goes_to_the_dead_letters_alone_and_everything_else_is_applied(road):
    await road.connection.execute(POISON)
    await road.limit(100)
    good, bad = road.batch(*items("a", "b")), road.batch(*items("c", "poison 1", "d", "e", "poison 2"))
    bad.indexes = [0, 1, 2, 4, 6]
    last = road.batch(*items("f"))

    result = await road.apply(good, bad, last)

    assert [{"created": 2}, {"created": 3, "dead": 2}, {"created": 1}] == [each.counts for each in result.batches]
    assert result.split
    assert ["a", "b", "c", "d", "e", "f"] == [key for _, key in sorted(await road.rows())]
    assert [6] == list((await road.used()).values())
    counts, lines = await road.receipt(bad)
    assert ({"created": 3, "dead": 2}, [(1, "poison 1"), (6, "poison 2")]) == (
        counts,
        [(line["index"], line["externalId"]) for line in lines],
    )
    letters = await road.connection.fetch("SELECT * FROM dead_letters ORDER BY id")
    assert [("poison 1", "postgres.23514", "CheckViolationError: cannot digest poison 1")] == [
        (letter["external_id"], letter["code"], letter["reason"]) for letter in letters[:1]
    ]
    alone = decode(letters[1]["payload"])
    assert (items("poison 2"), [6], bad.received_ms) == (alone.items, alone.indexes, alone.received_ms)


async def test_what_one_half_of_a_split_batch_has_deferred_keeps_its_fields_when_the_other_half_defers_more(road):
    await road.connection.execute(POISON)
    await road.limit(1)
    sent = road.batch(*items("poison", "x", "k", "y", "z"), {"externalId": "k", "costPrice": "3"})

    result = await road.apply(sent)

    assert {"created": 1, "deferred": 4, "dead": 1} == result.batches[0].counts
    kept = await road.connection.fetchval("SELECT item::text FROM deferred_items WHERE external_id = 'k'")
    assert {"externalId": "k", "inventoryQuantity": 1, "costPrice": "3"} == orjson.loads(kept)


async def test_a_batch_of_one_poisonous_item_is_dead_and_is_not_tried_again(road):
    await road.connection.execute(POISON)
    sent = road.batch(*items("poison"))

    first, second = await road.apply(sent), await road.apply(sent)

    assert ([{"dead": 1}], [False]) == (
        [each.counts for each in first.batches],
        [each.claimed for each in second.batches],
    )


async def test_poison_of_a_deleted_feeds_neighbour_leaves_its_rejection_alone(road):
    await road.connection.execute(POISON)
    await road.connection.execute("DELETE FROM inventory_feeds WHERE id = 2")

    result = await road.apply(road.batch(*items("poison")), road.batch(*items("a", "b"), feed=2))

    assert [{"dead": 1}, {"rejected": 2}] == [each.counts for each in result.batches]


async def test_a_batch_whose_own_head_is_impossible_is_dead_as_a_whole_and_stops_no_other(road):
    impossible = road.batch(*items("a", "b"))
    impossible.run_id = 2**63

    result = await road.apply(impossible, road.batch(*items("c")))

    assert [{"dead": 2}, {"created": 1}] == [each.counts for each in result.batches]
    payload = await road.connection.fetchval("SELECT payload FROM dead_letters")
    assert impossible.encode() == payload


async def test_an_item_that_the_edge_would_have_refused_is_isolated_although_postgres_never_saw_it(road):
    assert ["created", "dead", "created"] == await road.outcomes(
        *items("a"), {"externalId": "odd", "barcode": 5}, *items("b")
    )
    assert "invalid" == await road.connection.fetchval("SELECT code FROM dead_letters")


async def test_an_error_in_our_own_code_buries_nothing(road, monkeypatch):
    hashed = Sheet.hashed
    monkeypatch.setattr(Sheet, "hashed", lambda sheet: 1 / 0 if "odd" in sheet.ids else hashed(sheet))
    sent = road.batch(*items("a", "odd", "b"))

    with pytest.raises(Trouble, match="division by zero"):
        await road.apply(sent)

    assert ({}, 0) == (await road.rows(), await road.connection.fetchval("SELECT count(*) FROM dead_letters"))
    monkeypatch.undo()
    assert [{"created": 3}] == [each.counts for each in (await road.apply(sent)).batches]


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.InvalidSQLStatementNameError("prepared statement does not exist"),
        asyncpg.IndexCorruptedError("x"),
        asyncpg.InternalServerError("x"),
        asyncpg.UndefinedColumnError("x"),
        asyncpg.RaiseError("x"),
        asyncpg.PostgresError("a class that nobody has heard of"),
        RuntimeError("x"),
    ],
)
async def test_trouble_that_nobody_foresaw_keeps_the_batch_and_tells(road, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr("workers.apply.transaction.write_receipts", fail)

    with pytest.raises(Trouble):
        await road.apply(road.batch(*items("a")), road.batch(*items("b")))

    assert ({}, 0) == (await road.rows(), await road.connection.fetchval("SELECT count(*) FROM dead_letters"))


async def test_a_session_that_forgot_its_statements_is_replaced(road):
    first = road.batch(*items("a"))
    await road.apply(first)
    await road.connection.execute("DEALLOCATE ALL")

    with pytest.raises(Trouble) as caught:
        await road.apply(road.batch(*items("b")))

    assert spoils_the_session(caught.value.__cause__)
    assert 0 == await road.connection.fetchval("SELECT count(*) FROM dead_letters")


async def test_a_receipt_that_is_there_already_is_found_by_the_next_try(road, monkeypatch):
    sent = road.batch(*items("a"))
    await road.apply(sent)
    blind = replace(sent)
    original = transaction.claim

    async def see_nothing(connection, batches):
        works = await original(connection, [replace(batch, batch_id=uuid4()) for batch in batches])
        for work in works:
            work.batch = sent
        return works

    with monkeypatch.context() as patch:
        patch.setattr("workers.apply.transaction.claim", see_nothing)
        with pytest.raises(Transient):
            await road.apply(blind)

    assert [False] == [each.claimed for each in (await road.apply(blind)).batches]
    assert 0 == await road.connection.fetchval("SELECT count(*) FROM dead_letters")


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.DeadlockDetectedError("x"),
        asyncpg.SerializationError("x"),
        asyncpg.LockNotAvailableError("x"),
        asyncpg.AdminShutdownError("x"),
        asyncpg.DiskFullError("x"),
        asyncpg.ReadOnlySQLTransactionError("x"),
        ConnectionResetError("x"),
        TimeoutError("x"),
    ],
)
async def test_what_passes_by_itself_is_transient_and_leaves_nothing_behind(road, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr("workers.apply.transaction.write_receipts", fail)

    with pytest.raises(Transient):
        await road.apply(road.batch(*items("a")))

    assert ({}, 0) == (await road.rows(), await road.connection.fetchval("SELECT count(*) FROM dead_letters"))


async def test_a_connection_lost_between_windows_is_transient(road):
    other = await road.another()
    await other.connection.execute("SELECT pg_terminate_backend($1)", road.connection.get_server_pid())

    with pytest.raises(Transient):
        await road.apply(road.batch(*items("a")))


async def test_a_feed_that_is_being_deleted_holds_its_window_up_until_the_lock_timeout(road):
    other = await road.another()
    await road.connection.execute("SET lock_timeout = '50ms'")

    async with other.connection.transaction():
        await other.connection.execute("DELETE FROM inventory_feeds WHERE id = 1")
        with pytest.raises(Transient):
            await road.apply(road.batch(*items("a")))

    assert ["rejected"] == await road.outcomes(*items("a"))


async def test_a_window_that_is_cancelled_leaves_no_transaction_behind(road):
    other = await road.another()
    sent = road.batch(*items("a"))
    async with other.connection.transaction():
        await other.connection.execute("LOCK TABLE feed_variants IN ACCESS EXCLUSIVE MODE")
        window = asyncio.create_task(road.apply(sent))
        while not await other.connection.fetchval(
            "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $1", road.connection.get_server_pid()
        ):
            pass
        window.cancel()
        with pytest.raises(asyncio.CancelledError):
            await window

    assert not road.connection.is_in_transaction()
    assert {"created": 1} == (await road.apply(sent)).batches[0].counts
