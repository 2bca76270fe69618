"""Tasks end, also those that a library keeps from seeing the first cancellation."""

import asyncio
import threading

import pytest

from schemas import tasks
from schemas.tasks import end_tasks, made_in_thread


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
    begun, go_on, undone = threading.Event(), threading.Event(), []

    def make():
        begun.set()
        go_on.wait(60)
        return "made"

    task = asyncio.create_task(made_in_thread(make, undone.append))
    await asyncio.to_thread(begun.wait, 60)
    task.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert ["made"] == undone
    assert "made" == await made_in_thread(make, undone.append)
    assert ["made"] == undone
