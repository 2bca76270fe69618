"""Dead letters: stored with their reason, found by filter, replayed as fresh batches, discarded."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from schemas import dead_letters
from schemas.batches import Batch, Operation, Source, decode, is_ours
from schemas.dead_letters import DeadLetter, Filter
from schemas.errors import Transient
from tests.integration.apply.test_apply_isolation import POISON
from workers.apply import isolate

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = b"k" * 32


def letter(external_id, account=1, feed=1, code="postgres.P0001"):
    batch = Batch(uuid4(), account, feed, 5, Source.WEBHOOK, [{"externalId": external_id}], warnings=[{"index": 0}])
    return DeadLetter(account, feed, batch.batch_id, external_id, code, "no\0good", batch.encode(), NOW)


@pytest.fixture
async def stored(road):
    """Four dead letters: 1 and 2 of account 1, 3 of account 2, 4 a message that nobody can read."""
    unreadable = dead_letters.unreadable(b"\xff", "broker.delivery_limit", "given up")
    letters = [letter("a"), letter("b", feed=2), letter("c", account=2, feed=3), unreadable]
    await dead_letters.store(road.connection, letters, NOW)
    return road.connection


class Broker:
    """Keeps what is published; refuses after `takes` batches."""

    def __init__(self, takes=9):
        self.takes = takes
        self.batches = []

    async def publish(self, batch):
        if len(self.batches) == self.takes:
            raise Transient("full")
        self.batches.append(batch)


async def ids(connection, wanted):
    return [found.id for found in await dead_letters.find(connection, wanted)]


async def test_they_are_found_by_account_feed_code_and_status_a_page_at_a_time(stored):
    assert [1, 2, 3, 4] == await ids(stored, Filter(None))
    assert [1, 2] == await ids(stored, Filter(1))
    assert [2] == await ids(stored, Filter(1, feed_id=2))
    assert [4] == await ids(stored, Filter(None, code="broker.delivery_limit"))
    assert [] == await ids(stored, Filter(1, ids=[3], status="dead"))
    assert ([1], [2]) == (await ids(stored, Filter(1, limit=1)), await ids(stored, Filter(1, limit=1, after=1)))


async def test_one_is_kept_with_its_reason_and_payload(stored):
    (found,) = await dead_letters.find(stored, Filter(1, ids=[1]))

    assert ("a", "postgres.P0001", "nogood", NOW, NOW, "dead") == (
        found.external_id,
        found.code,
        found.reason,
        found.received_at,
        found.dead_at,
        found.status,
    )
    assert [{"externalId": "a"}] == decode(found.payload).items


async def test_a_replay_publishes_fresh_batches_received_now_and_marks_them(stored):
    broker = Broker()

    done = await dead_letters.replay(stored, Filter(1), broker.publish, now=NOW, key=KEY)

    assert ([1, 2], []) == done
    assert [("a", 1), ("b", 2)] == [(batch.items[0]["externalId"], batch.feed_id) for batch in broker.batches]
    assert all(is_ours(batch.batch_id, batch.feed_id, [KEY]) for batch in broker.batches)
    assert [int(NOW.timestamp() * 1000)] * 2 == [batch.received_ms for batch in broker.batches]
    assert [[], []] == [batch.warnings for batch in broker.batches]
    assert ["replayed", "replayed"] == [found.status for found in await dead_letters.find(stored, Filter(1))]
    assert ([], []) == await dead_letters.replay(stored, Filter(1), broker.publish, now=NOW, key=KEY)


async def test_a_replay_that_the_broker_cuts_short_keeps_the_rest_for_later(stored):
    with pytest.raises(Transient):
        await dead_letters.replay(stored, Filter(1), Broker(takes=1).publish, now=NOW, key=KEY)

    assert ([1], [2]) == (await ids(stored, Filter(1, status="replayed")), await ids(stored, Filter(1, status="dead")))


async def test_a_replay_done_twice_has_the_same_batch_id(stored):
    async def publish_and_fail(batch):
        await first.publish(batch)
        raise Transient("confirm lost")

    first, second = Broker(), Broker()
    with pytest.raises(Transient):
        await dead_letters.replay(stored, Filter(1, ids=[1]), publish_and_fail, now=NOW, key=KEY)
    await dead_letters.replay(stored, Filter(1, ids=[1]), second.publish, now=NOW, key=KEY)

    assert first.batches[0].batch_id == second.batches[0].batch_id


async def test_what_cannot_be_read_is_not_replayed(stored):
    assert ([], [4]) == await dead_letters.replay(stored, Filter(None, ids=[4]), Broker().publish, now=NOW, key=KEY)


async def test_discarded_ones_stay_listed_and_are_not_replayed(stored):
    assert [1] == await dead_letters.discard(stored, Filter(1, ids=[1, 3]), now=NOW)
    assert [] == await dead_letters.discard(stored, Filter(1, ids=[1]), now=NOW)
    assert ([], []) == await dead_letters.replay(stored, Filter(1, ids=[1]), Broker().publish, now=NOW, key=KEY)
    assert [1] == await ids(stored, Filter(1, status="discarded"))


def test_of_a_message_that_can_be_read_each_item_is_a_dead_letter_of_its_own():
    batch = Batch(uuid4(), 1, 2, 5, Source.WEBHOOK, [{"externalId": "a"}, {"externalId": "b"}], indexes=[3, 7])

    found = dead_letters.of_item(batch, 1, "worker_died", "given up")

    assert (1, 2, batch.batch_id, "b") == (found.account_id, found.feed_id, found.batch_id, found.external_id)
    alone = decode(found.payload)
    assert ([{"externalId": "b"}], [7]) == (alone.items, alone.indexes)


STOCK = "SELECT external_id, inventory_quantity FROM feed_variants ORDER BY 1"


class Shop:
    """A road whose item `a` died with quantity 1 an hour ago; what comes after is told in the words of a sender."""

    def __init__(self, road):
        self.road = road

    async def dies(self, quantity, at=NOW):
        """Bury an item as a worker does."""
        item = {"externalId": "a", "inventoryQuantity": quantity}
        batch = self.road.batch(item, at=at)
        await isolate.bury_items(self.road.connection, batch, ("worker_died", "no good"), at)

    async def replay(self, *ids):
        """Replay dead letters in one window; return the outcomes as their receipts tell them."""
        broker = Broker()
        at = self.road.now
        await dead_letters.replay(self.road.connection, Filter(1, ids=ids or None), broker.publish, now=at, key=KEY)
        batches = [decode(batch.encode()) for batch in broker.batches]
        await self.road.apply(*batches)
        return [next(iter((await self.road.receipt(batch))[0])) for batch in batches]

    async def stock(self):
        return dict(await self.road.connection.fetch(STOCK))


@pytest.fixture
async def shop(road):
    """A shop that had 5 of `a` before the item with 1 died, and an hour has passed."""
    await road.apply(road.batch({"externalId": "a", "inventoryQuantity": 5}))
    shop = Shop(road)
    await shop.dies(1)
    road.now = NOW + timedelta(hours=1)
    return shop


async def test_a_replay_is_applied_if_nothing_came_since(shop):
    assert ["updated"] == await shop.replay()
    assert {"a": 1} == await shop.stock()
    assert [] == await shop.road.connection.fetch("SELECT 1 FROM dead_keys")


@pytest.mark.parametrize("later", [99, 5])  # 5 is what is stored: nothing is written, and yet it is what was said last
async def test_a_replay_never_goes_behind_a_later_value(shop, later):
    await shop.road.apply(shop.road.batch({"externalId": "a", "inventoryQuantity": later}))
    assert ["superseded"] == await shop.replay()
    assert {"a": later} == await shop.stock()


async def test_a_replay_is_told_in_its_receipt_what_came_before_it(shop):
    await shop.road.apply(shop.road.batch({"externalId": "a", "inventoryQuantity": 9}))
    broker = Broker()
    await dead_letters.replay(shop.road.connection, Filter(1), broker.publish, now=shop.road.now, key=KEY)
    await shop.road.apply(*broker.batches)
    _, [line] = await shop.road.receipt(broker.batches[0])
    assert ("superseded", "replay.overtaken") == (line["outcome"], line["code"])
    assert "2026-03-01T13:00:00Z" in line["message"]


async def test_a_replay_does_not_bring_back_what_was_deleted_since(shop):
    await shop.road.apply(shop.road.batch({"externalId": "a"}, operation=Operation.DELETE))
    assert ["superseded"] == await shop.replay()
    assert {} == await shop.stock()


async def test_a_replay_does_not_go_behind_what_was_deferred_since(shop):
    shop.road.now = NOW + timedelta(days=1)
    await shop.road.limit(0)
    await shop.road.apply(shop.road.batch({"externalId": "a", "inventoryQuantity": 7}))
    await shop.road.limit(None)
    assert ["superseded"] == await shop.replay()


async def test_what_was_rejected_since_is_not_newer(shop):
    shop.road.now = NOW + timedelta(days=1)
    await shop.road.limit(0)
    await shop.road.connection.execute("UPDATE inventory_feeds SET over_limit = 'reject'")
    await shop.road.apply(shop.road.batch({"externalId": "a", "inventoryQuantity": 7}))
    await shop.road.limit(None)
    assert ["updated"] == await shop.replay()


async def test_two_dead_letters_of_one_key_are_replayed_in_their_order_and_not_against_it(shop):
    await shop.dies(2)
    await shop.dies(3)
    assert ["superseded", "updated"] == await shop.replay(1, 2)
    assert {"a": 2} == await shop.stock()
    assert ["updated"] == await shop.replay(3)
    assert {"a": 3} == await shop.stock()


async def test_an_older_dead_letter_replayed_last_stays_behind_the_newer_one(shop):
    await shop.dies(2)
    assert ["updated"] == await shop.replay(2)
    assert ["superseded"] == await shop.replay(1)
    assert {"a": 2} == await shop.stock()


async def test_an_older_dead_letter_replayed_behind_a_newer_one_in_its_window_is_superseded(shop):
    await shop.dies(2)
    broker = Broker()
    for letter in (2, 1):
        await dead_letters.replay(
            shop.road.connection, Filter(1, ids=[letter]), broker.publish, now=shop.road.now, key=KEY
        )
    await shop.road.apply(*broker.batches)
    assert [{"updated": 1}, {"superseded": 1}] == [(await shop.road.receipt(batch))[0] for batch in broker.batches]
    assert {"a": 2} == await shop.stock()


async def test_a_later_item_of_a_batch_that_is_split_overtakes_the_one_of_its_key_that_died(road):
    await road.connection.execute(POISON.replace("new.external_id LIKE 'poison%'", "new.inventory_quantity = 666"))
    sent = [
        {"externalId": key, "inventoryQuantity": quantity}
        for key, quantity in (("a", 666), ("n", 1), ("o", 666), ("a", 7))
    ]
    await road.apply(road.batch(*sent))
    await road.connection.execute("DROP TRIGGER refuse ON feed_variants")

    assert ["superseded", "created"] == await Shop(road).replay()
    assert {"a": 7, "n": 1, "o": 666} == await Shop(road).stock()


async def test_what_the_broker_gave_up_on_is_behind_what_was_written_since_its_receive_time(shop):
    await shop.road.apply(shop.road.batch({"externalId": "a", "inventoryQuantity": 8}))
    batch = shop.road.batch({"externalId": "a", "inventoryQuantity": 1}, at=NOW)
    letter = dead_letters.of_item(batch, 0, "broker.delivery_limit", "given up")
    await dead_letters.store(shop.road.connection, [letter], shop.road.now)
    assert ["superseded"] == await shop.replay(2)
