"""When a fetch is tried again: capped, jittered back-off; the server's wish (Retry-After) is honoured up to a cap."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from ingest.pull.fetch.errors import FetchUnavailable

Result = TypeVar("Result")

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
LONGEST_WISH_S = 120.0
"""A server that asks for more patience than this ends the fetch: the next run comes anyway."""


def pause_s(attempt: int, jitter: float, wish_s: float | None = None) -> float | None:
    """Return how long to wait after failed attempt number `attempt` (from 0), or None to give up.

    `jitter` is a number from 0 to 1: the pause lies between half and the whole of the back-off, so that many feeds
    of one vendor do not come back at the same moment.
    """
    back_off = min(FIRST_PAUSE_S * float(2**attempt), LONGEST_PAUSE_S) * (0.5 + jitter / 2)
    if wish_s is None:
        return back_off
    return max(back_off, wish_s) if wish_s <= LONGEST_WISH_S else None


async def with_retries(
    attempt: Callable[[], Awaitable[Result]],
    attempts: int,
    sleep: Callable[[float], Awaitable[object]],
    jitter: Callable[[], float],
) -> Result:
    """Return what an attempt returns; the last `FetchUnavailable` is raised, any other error at once."""
    for number in range(attempts - 1):
        try:
            return await attempt()
        except FetchUnavailable as error:
            pause = pause_s(number, jitter(), error.retry_after_s)
            if pause is None:
                raise
        await sleep(pause)
    return await attempt()
