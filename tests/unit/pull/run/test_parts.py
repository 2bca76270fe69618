"""Publishing a run's parts: bounded, patient, in order where order matters."""

import asyncio
import uuid

import pytest

from ingest.amqp.publish import Unavailable
from ingest.pull.run.publish import MAX_BYTES, PartPublisher, Progress
from schemas.batches import Batch, Source


class FakePublisher:
    """Confirms when told to; refuses the batches it is told to, once each."""

    def __init__(self, refuse=(), hold=False):
        self.refuse = set(refuse)
        self.taken = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.gate = asyncio.Event()
        if not hold:
            self.gate.set()

    async def publish(self, batch):
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(0)
            await self.gate.wait()
            number = batch.batch_id.int
            if number in self.refuse:
                self.refuse.remove(number)
                raise Unavailable("full")
            self.taken.append(number)
        finally:
            self.in_flight -= 1


def batch(number, *keys):
    items = [{"externalId": key} for key in keys]
    return Batch(uuid.UUID(int=number), 1, 1, 0, Source.PULL, items, run_id=5)


async def numbered(*batches, size=10):
    for one in batches:
        yield one.batch_id.int, one, size


async def test_all_parts_are_taken_with_a_bounded_number_in_flight():
    publisher, progress = FakePublisher(), Progress(0)
    parts = numbered(*(batch(n, f"k{n}") for n in range(20)))
    await PartPublisher(publisher, 4, lambda: None).publish(parts, progress)
    assert (20, 4, list(range(20))) == (progress.batches, publisher.most_in_flight, sorted(publisher.taken))


async def test_large_parts_are_in_flight_one_by_one():
    publisher = FakePublisher()
    parts = numbered(*(batch(n, f"k{n}") for n in range(5)), size=MAX_BYTES)
    await PartPublisher(publisher, 4, lambda: None).publish(parts, Progress(0))
    assert (1, list(range(5))) == (publisher.most_in_flight, publisher.taken)


async def test_a_part_that_the_broker_refused_is_sent_again_until_it_is_taken():
    publisher, progress = FakePublisher(refuse=[1]), Progress(0)
    await PartPublisher(publisher, 4, lambda: None).publish(
        numbered(batch(0, "a"), batch(1, "b"), batch(2, "c")), progress
    )
    assert [0, 2, 1] == publisher.taken
    assert 3 == progress.batches


async def test_a_later_row_of_the_same_item_never_overtakes_a_refused_earlier_one():
    publisher, progress = FakePublisher(refuse=[0]), Progress(0)
    await PartPublisher(publisher, 8, lambda: None).publish(
        numbered(batch(0, "a", "b"), batch(1, "b"), batch(2, "c"), batch(3, "a")), progress
    )
    assert publisher.taken.index(0) < publisher.taken.index(1)
    assert publisher.taken.index(0) < publisher.taken.index(3)


async def test_nothing_is_published_once_the_check_refuses():
    publisher = FakePublisher()

    def refuse():
        raise RuntimeError("lost")

    with pytest.raises(RuntimeError, match="lost"):
        await PartPublisher(publisher, 2, refuse).publish(numbered(batch(0, "a"), batch(1, "b")), Progress(0))
    assert [] == publisher.taken


async def test_a_cancelled_run_leaves_nothing_in_flight():
    publisher = FakePublisher(hold=True)
    task = asyncio.create_task(
        PartPublisher(publisher, 2, lambda: None).publish(numbered(*(batch(n, f"{n}") for n in range(9))), Progress(0))
    )
    while publisher.in_flight < 2:  # noqa: ASYNC110
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert 0 == publisher.in_flight


def test_progress_counts_only_parts_without_a_gap_before_them():
    progress = Progress(3)
    for part in (4, 5, 3, 7):
        progress.confirmed(part)
    assert (6, {7}) == (progress.batches, progress.ahead)
