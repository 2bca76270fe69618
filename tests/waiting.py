"""Waiting for what no signal tells of: what other processes do, and what a library keeps to itself."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

TIMEOUT_S = 120
"""No test waits for this: it is for a machine that has much else to do."""
_LOOK_S = 0.02


async def until(
    condition: Callable[[], Any],
    what: str | Callable[[], Any] = "",
    timeout_s: float = TIMEOUT_S,
    every_s: float = _LOOK_S,
) -> Any:
    """Wait until `condition` (a function, or a coroutine function) returns something true, and return it.

    `what` is waited for, as the error tells it, or a function that says so with what was seen instead. It is looked for
    every `every_s`, or less often where it is known to change less often.
    """
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                found = condition()
                if inspect.isawaitable(found):
                    found = await found
                if found:
                    return found
                await asyncio.sleep(every_s)
    except TimeoutError:
        raise AssertionError(f"never: {what() if callable(what) else what or condition}") from None
