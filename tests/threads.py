"""A call in a thread that takes until a test lets it go on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

_LONGEST_S = 60


class Slow:
    """Does as a function does, later: it begins, and goes on when it is let."""

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make
        self._begun, self._go_on = threading.Event(), threading.Event()

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        self._begun.set()
        self._go_on.wait(_LONGEST_S)
        return self._make(*arguments, **options)

    async def outlive(self, task: asyncio.Task[Any]) -> None:
        """Cancel a task that waits for it, then go on."""
        await asyncio.to_thread(self._begun.wait, _LONGEST_S)
        task.cancel()
        await asyncio.sleep(0)
        self._go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
