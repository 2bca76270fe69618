"""How a process comes to its end: told by a signal, its tasks brought to theirs, and nothing left open by them."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

_CANCEL_AGAIN_S = 1.0
_T = TypeVar("_T")


def set_by_signals(stop: asyncio.Event) -> None:
    """Have SIGTERM and SIGINT set an event."""
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)


async def end_tasks(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks until they have ended, whatever they raise.

    Once is not always enough: a cancellation that comes while aiormq opens a channel can end there, unseen by the task.
    """
    ending = list(tasks)
    pending = {task for task in ending if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_CANCEL_AGAIN_S)
    await asyncio.gather(*ending, return_exceptions=True)


async def made_in_thread(make: Callable[[], _T], undo: Callable[[_T], object]) -> _T:
    """Return what `make` makes in a thread. When the task is cancelled meanwhile nobody has it: it is undone."""
    making = asyncio.ensure_future(asyncio.to_thread(make))
    try:
        return await asyncio.shield(making)
    except asyncio.CancelledError:
        making.add_done_callback(lambda made: None if made.exception() else undo(made.result()))
        await asyncio.wait([making])
        raise
