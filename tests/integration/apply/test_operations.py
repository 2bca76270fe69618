"""Operations: exactly what was counted, part by part, resumed where a killed worker left off, newer values kept."""

from datetime import UTC, datetime, timedelta

import pytest

from schemas import dead_letters
from schemas.errors import Transient
from workers.clock import Clock
from workers.duties.operations import MARK_PART, REPLAY_PART, Operations
from workers.duties.upkeep import OPERATIONS, SETTLED_DAYS, prune_settled

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY, CLOCK = b"k" * 32, Clock(now=lambda: NOW)
LAST = 2**62


class Broker:
    """Keeps what is published; after `takes` batches it is away."""

    def __init__(self, takes=10_000):
        self.takes = takes
        self.batches = []

    async def publish(self, batch):
        if len(self.batches) == self.takes:
            raise Transient("rabbitmq: away")
        self.batches.append(batch)

    @property
    def names(self):
        return [batch.items[0]["externalId"] for batch in self.batches]


@pytest.fixture
def letters(road):
    """Bury items; returns nothing: their ids are 1, 2, 3 …"""

    async def bury(*items, reason="value too long", code="postgres.22001"):
        batch = road.batch(*items, at=NOW - timedelta(hours=1))
        buried = [dead_letters.of_item(batch, slot, code, reason) for slot in range(len(items))]
        await dead_letters.store(road.connection, buried, NOW - timedelta(minutes=30))

    return bury


async def tallied(road):
    """Return how many dead letters the tallies count by status, and in how many rows."""
    counted = "SELECT status, sum(n)::int AS n FROM dead_letter_tallies GROUP BY status HAVING sum(n) <> 0"
    rows = await road.connection.fetchval("SELECT count(*) FROM dead_letter_tallies")
    return {row["status"]: row["n"] for row in await road.connection.fetch(counted)}, rows


@pytest.fixture
def operation(road):
    async def make(kind="replay", total=1, **columns):
        given = {"newer": "skip", "max_id": LAST, **columns}
        names, values = ", ".join(given), list(given.values())
        marks = ", ".join(f"${n}" for n in range(3, 3 + len(given)))
        return await road.connection.fetchval(
            f"INSERT INTO operations (account_id, who, kind, total, {names})"
            f" VALUES (1, 'Ada', $1, $2, {marks}) RETURNING id",
            *(kind, total, *values),
        )

    return make


@pytest.fixture
def state(road):
    async def of(number):
        row = await road.connection.fetchrow("SELECT * FROM operations WHERE id = $1", number)
        return row["status"], row["done"], row["skipped"], row["failed"]

    return of


def items(*names, quantity=1):
    return [{"externalId": name, "inventoryQuantity": quantity} for name in names]


async def all_rounds(duty, road):
    while await duty.round(road.connection):
        pass


async def statuses(road):
    return [row[0] for row in await road.connection.fetch("SELECT status FROM dead_letters ORDER BY id")]


async def test_a_replay_takes_exactly_what_was_counted_and_tells_what_it_did(road, letters, operation, state):
    await letters(*items("a", "b"))
    await letters(*items("c"), reason="another reason")
    await letters(*items("late"))
    cause = await road.connection.fetchval("SELECT dead_cause(reason) FROM dead_letters WHERE id = 1")
    number = await operation(cause=cause, code="postgres.22001", feed_id=1, max_id=3, total=2)
    broker = Broker()

    await all_rounds(Operations(KEY, broker.publish, CLOCK), road)

    assert ("finished", 2, 0, 0) == await state(number)
    assert ["a", "b"] == broker.names
    assert ["replayed", "replayed", "dead", "dead"] == await statuses(road)
    did = await road.connection.fetch("SELECT * FROM operation_items ORDER BY dead_letter_id")
    assert [(1, "done", broker.batches[0].batch_id), (2, "done", broker.batches[1].batch_id)] == [
        (row["dead_letter_id"], row["result"], row["batch_id"]) for row in did
    ]


async def test_the_reasons_values_make_no_cause_of_their_own(road):
    reasons = [
        'value "123456" is out of range for type integer',
        'value "9" is out of range for type integer',
        "Key (a, b)=(1, x) isn't present, row 7",
        "Key (a, b)=(2, y) isn't present, row 1,204",
        "another",
    ]
    rows = await road.connection.fetch("SELECT dead_reason(r), dead_cause(r) FROM unnest($1::text[]) r", reasons)
    assert ["value … is out of range for type integer"] * 2 == [row[0] for row in rows[:2]]
    assert 3 == len({row[1] for row in rows})


async def test_a_killed_worker_resumes_where_it_left_off_and_publishes_under_the_same_ids(
    road, letters, operation, state
):
    names = [f"n{number:03}" for number in range(REPLAY_PART + 5)]
    await letters(*items(*names))
    number = await operation(total=len(names))
    first = Broker(takes=REPLAY_PART + 2)

    class Killed(BaseException):
        pass

    async def publish(batch):
        try:
            await first.publish(batch)
        except Transient:
            raise Killed from None

    with pytest.raises(Killed):
        await all_rounds(Operations(KEY, publish, CLOCK), road)
    assert ("running", REPLAY_PART, 0, 0) == await state(number)  # what was published of the second part is not noted

    second = Broker()
    await all_rounds(Operations(KEY, second.publish, CLOCK), road)
    assert ("finished", len(names), 0, 0) == await state(number)
    assert names[REPLAY_PART:] == second.names
    assert [b.batch_id for b in first.batches[REPLAY_PART:]] == [b.batch_id for b in second.batches[:2]]


async def test_while_the_broker_is_away_it_waits_and_says_so(road, letters, operation, state):
    await letters(*items("a", "b"))
    number = await operation(total=2)
    broker = Broker(takes=1)
    duty = Operations(KEY, broker.publish, CLOCK)
    await all_rounds(duty, road)
    assert ("running", 1, 0, 0) == await state(number)
    said = await road.connection.fetchval("SELECT said FROM operations WHERE id = $1", number)
    assert "waits: rabbitmq: away" == said
    broker.takes = 10
    await all_rounds(duty, road)
    assert ("finished", 2, 0, 0) == await state(number)
    assert ["a", "b"] == broker.names


async def test_newer_values_are_skipped_unless_somebody_decides_to_overwrite_them(road, letters, operation, state):
    await letters(*items("old", "alone", quantity=5))
    await road.outcomes(*items("old", quantity=9), at=NOW)
    skipping = await operation(total=2)
    broker = Broker()
    await all_rounds(Operations(KEY, broker.publish, CLOCK), road)
    assert ("finished", 1, 1, 0) == await state(skipping)
    assert ["alone"] == broker.names
    assert ["dead", "replayed"] == await statuses(road)
    why = await road.connection.fetchval("SELECT reason FROM operation_items WHERE result = 'skipped'")
    assert why.startswith("a newer value came at 2026-03-01T12:00:00Z")

    overwriting = await operation(total=1, newer="overwrite")
    await all_rounds(Operations(KEY, broker.publish, CLOCK), road)
    assert ("finished", 1, 0, 0) == await state(overwriting)
    await road.apply(*broker.batches)
    rows = await road.rows()
    assert (5, 5) == (rows[1, "old"]["inventory_quantity"], rows[1, "alone"]["inventory_quantity"])


async def test_what_comes_after_the_decision_to_overwrite_is_newer_again(road, letters, operation):
    await letters(*items("old", quantity=5))
    await road.outcomes(*items("old", quantity=9), at=NOW)
    await operation(newer="overwrite")
    broker = Broker()
    await all_rounds(Operations(KEY, broker.publish, CLOCK), road)
    await road.outcomes(*items("old", quantity=11), at=NOW)  # stands in the queue before the replay
    result = await road.apply(*broker.batches)
    assert ["superseded"] == [line["outcome"] for line in result.batches[0].items]
    assert 11 == (await road.rows())[1, "old"]["inventory_quantity"]


async def test_the_first_ones_go_first_and_the_rest_when_somebody_has_looked(road, letters, operation, state):
    await letters(*items("a", "b", "c"))
    number = await operation(total=3, pause_at=1)
    broker = Broker()
    duty = Operations(KEY, broker.publish, CLOCK)
    await all_rounds(duty, road)
    assert ("paused", 1, 0, 0) == await state(number)
    await road.connection.execute("UPDATE operations SET status = 'running' WHERE id = $1", number)
    await all_rounds(duty, road)
    assert ("finished", 3, 0, 0) == await state(number)
    assert ["a", "b", "c"] == broker.names


async def test_a_rate_is_kept_and_a_cancellation_ends_it_between_two_parts(road, letters, operation, state):
    await letters(*items(*"abcde"))
    number = await operation(total=5, per_second=2)
    seconds = [100.0]
    duty = Operations(KEY, (broker := Broker()).publish, Clock(lambda: seconds[0], lambda: NOW))
    await all_rounds(duty, road)
    assert ["a", "b"] == broker.names
    seconds[0] += 0.9
    await all_rounds(duty, road)
    assert ["a", "b"] == broker.names
    seconds[0] += 0.2
    await all_rounds(duty, road)
    assert ["a", "b", "c", "d"] == broker.names
    await road.connection.execute("UPDATE operations SET status = 'cancelled', ended_at = now()")
    seconds[0] += 9
    await all_rounds(duty, road)
    assert ("cancelled", 4, 0, 0) == await state(number)


async def test_what_is_no_batch_fails_alone_and_an_error_of_ours_pauses_that_operation_alone(
    road, letters, operation, state
):
    await letters(*items("a"))
    await road.connection.execute(
        "INSERT INTO dead_letters (account_id, feed_id, code, reason, payload) VALUES (1, 1, 'x', 'y', 'no batch')"
    )
    number, other = await operation(total=2), await operation("discard", code="x")

    async def broken(batch):
        raise ZeroDivisionError

    await all_rounds(Operations(KEY, broken, CLOCK), road)
    assert (("paused", 0, 0, 0), ("finished", 1, 0, 0)) == (await state(number), await state(other))
    await road.connection.execute("UPDATE dead_letters SET status = 'dead'")
    await road.connection.execute("UPDATE operations SET status = 'running' WHERE id = $1", number)
    await all_rounds(Operations(KEY, Broker().publish, CLOCK), road)
    assert ("finished", 1, 0, 1) == await state(number)


async def test_a_discard_is_taken_back_and_what_came_meanwhile_is_known(road, letters, operation, state):
    names = [f"n{number:04}" for number in range(MARK_PART + 1)]
    await letters(*items(*names))
    discard = await operation("discard", total=len(names))
    duty = Operations(KEY, Broker().publish, CLOCK)
    await all_rounds(duty, road)
    assert ("finished", len(names), 0, 0) == await state(discard)
    assert {"discarded": len(names)} == (await tallied(road))[0]
    await road.outcomes(*items("n0000", quantity=1), at=NOW)
    restore = await operation("restore", total=len(names), of_operation=discard)
    await all_rounds(duty, road)
    assert ("finished", len(names), 0, 0) == await state(restore)
    assert {"dead"} == set(await statuses(road))
    before, rows = await tallied(road)
    await OPERATIONS.fold_tallies(road.connection, now=NOW)
    assert ({"dead": len(names)}, True) == (before, rows > 1)
    assert (before, 1) == await tallied(road)  # of one cause and five minutes
    overtaken = await road.connection.fetch("SELECT external_id FROM dead_keys WHERE overtaken_at IS NOT NULL")
    assert ["n0000"] == [row[0] for row in overtaken]


async def test_settled_dead_letters_and_their_operations_are_forgotten_after_a_month(road, letters, operation):
    await letters(*items("a", "b"))
    await operation("discard", max_id=1)
    await all_rounds(Operations(KEY, Broker().publish, CLOCK), road)
    await prune_settled(road.connection, NOW + timedelta(days=SETTLED_DAYS - 1))
    assert ["discarded", "dead"] == await statuses(road)
    await road.connection.execute("UPDATE operations SET ended_at = $1", NOW)
    await prune_settled(road.connection, NOW + timedelta(days=SETTLED_DAYS, seconds=1))
    assert ["dead"] == await statuses(road)
    assert {"dead": 1} == (await tallied(road))[0]
    assert 0 == await road.connection.fetchval("SELECT count(*) FROM operation_items")
