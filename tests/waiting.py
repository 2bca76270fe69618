"""Waiting for what no signal tells of: what other processes do, and what a library keeps to itself."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

TIMEOUT_S = 120
"""No test waits for this: it is for a machine that has much else to do."""
_FIRST_S, _LONGEST_S = 0.01, 0.1


async def until(
    condition: Callable[[], Any],
    what: str | Callable[[], Any] = "",
    timeout_s: float = TIMEOUT_S,
    every_s: float = _FIRST_S,
) -> Any:
    """Wait until `condition` (a function, or a coroutine function) returns something true, and return it.

    `what` is waited for, as the error tells it, or a function that says so with what was seen instead. It is looked for
    after `every_s`, which is longer where it changes less often, and ever less often until it is ten times a second.
    """
    longest_s = max(every_s, _LONGEST_S)
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                found = condition()
                if inspect.isawaitable(found):
                    found = await found
                if found:
                    return found
                await asyncio.sleep(every_s)
                every_s = min(every_s * 1.5, longest_s)
    except TimeoutError:
        raise AssertionError(f"never: {what() if callable(what) else what or condition}") from None
