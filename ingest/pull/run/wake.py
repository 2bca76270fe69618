"""Wakes the scheduler when there is something to do: a run was queued or is to be cancelled, a feed was changed.

A notification may be lost with its connection, so the scheduler also looks by itself now and then.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from ingest.pull.run.store import POSTGRES_AWAY
from schemas.logs import structlog
from schemas.postgres import Session

_log = structlog.get_logger()
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 5.0


class Wake:
    """An event that LISTEN sets; `on_run` is told the id of a run that changed."""

    def __init__(self, on_run: Callable[[int], None]) -> None:
        self._event = asyncio.Event()
        self._on_run = on_run

    def set(self) -> None:
        """Wake the scheduler."""
        self._event.set()

    async def wait(self, timeout_s: float) -> None:
        """Wait until woken, or for `timeout_s`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(timeout_s, 0)):
                await self._event.wait()
        self._event.clear()

    async def listen(self, dsn: str) -> None:
        """Listen on a connection of its own, for ever, connecting again when it is lost."""
        waits = 0
        while True:
            try:
                connection = await Session("feedline-pull-wake").open(dsn)
            except POSTGRES_AWAY:
                await asyncio.sleep(min(_FIRST_WAIT_S * 2.0 ** min(waits, 10), _LONGEST_WAIT_S))
                waits += 1
                continue
            waits = 0
            lost = asyncio.Event()
            connection.add_termination_listener(lambda _connection, lost=lost: lost.set())
            try:
                await connection.add_listener("runs_changed", self._run_changed)
                await connection.add_listener("feeds_changed", self._feed_changed)
                self.set()
                await lost.wait()
                _log.warning("listener_lost")
            except POSTGRES_AWAY:
                pass
            finally:
                connection.terminate()

    def _run_changed(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        if isinstance(payload, str) and payload.isdecimal():
            self._on_run(int(payload))
        self.set()

    def _feed_changed(self, *_: Any) -> None:
        self.set()
