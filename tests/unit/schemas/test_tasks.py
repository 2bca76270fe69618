"""Tasks end, also those that a library keeps from seeing the first cancellation."""

import asyncio

from schemas import tasks
from schemas.tasks import end_tasks, made_in_thread
from tests.threads import Slow


async def test_a_task_that_does_not_see_its_cancellation_is_cancelled_again(monkeypatch):
    monkeypatch.setattr(tasks, "_CANCEL_AGAIN_S", 0.01)
    unseen = []

    async def deaf():
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            unseen.append(1)
        await asyncio.sleep(3600)

    async def broken():
        raise ValueError

    running = [asyncio.create_task(deaf()), asyncio.create_task(broken())]
    await asyncio.sleep(0)
    await end_tasks(running)

    assert ([1], [True, True]) == (unseen, [task.done() for task in running])


async def test_what_a_thread_makes_for_a_task_that_is_cancelled_meanwhile_is_undone():
    make, undone = Slow(lambda: "made"), []

    await make.outlive(asyncio.create_task(made_in_thread(make, undone.append)))

    assert ["made"] == undone
    assert "made" == await made_in_thread(make, undone.append)
    assert ["made"] == undone
