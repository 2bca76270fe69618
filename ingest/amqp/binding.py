"""Slots that lead nowhere: each is bound once for all whose messages came back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from schemas.amqp.tap import AWAY
from schemas.errors import Permanent, Transient
from schemas.logs import structlog

_log = structlog.get_logger()

_AGAIN_S: Final = 0.05
_TIMEOUT_S: Final = 10.0


class Bindings:
    """Binds slots with `bind`, which returns whether it could try; one that fails is tried again after a pause."""

    def __init__(self, bind: Callable[[int], Awaitable[bool]]) -> None:
        self._bind = bind
        self._tasks: dict[int, asyncio.Task[bool]] = {}

    @property
    def tasks(self) -> list[asyncio.Task[bool]]:
        """What is under way."""
        return list(self._tasks.values())

    async def bound(self, slot: int, until: float) -> bool:
        """Return as soon as a slot has been bound; False if that cannot be done in time (loop seconds)."""
        loop = asyncio.get_running_loop()
        while (left_s := until - loop.time()) > 0:
            task = self._tasks.get(slot)
            if task is None:
                task = self._tasks[slot] = asyncio.create_task(self._tried(slot))
                task.add_done_callback(lambda _: self._tasks.pop(slot))
            await asyncio.wait((task,), timeout=left_s)
            if task.done() and not task.cancelled() and task.result():
                return True
        return False

    async def _tried(self, slot: int) -> bool:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                if await self._bind(slot):
                    return True
        except (*AWAY, Transient, Permanent) as error:
            _log.warning("bind_failed", slot=slot, reason=str(error))
        await asyncio.sleep(_AGAIN_S)
        return False
