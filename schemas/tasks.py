"""How a process comes to its end: told by a signal, and its tasks brought to theirs."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterable
from typing import Any

_CANCEL_AGAIN_S = 1.0


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
