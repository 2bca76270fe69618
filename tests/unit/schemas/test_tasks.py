"""Tasks end, also those that a library keeps from seeing the first cancellation."""

import asyncio

from schemas import tasks
from schemas.tasks import end_tasks


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
