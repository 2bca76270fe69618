"""The outbox duty: publishes what a change left in the outbox because the broker was away or its process died."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import asyncpg

from schemas import outbox
from schemas.logs import structlog

POLL_S = 1.0
_log = structlog.get_logger()


class OutboxDuty:
    """Drains the outbox, all accounts in turn."""

    def __init__(self, publish: outbox.Publish) -> None:
        self._publish = publish

    async def serve(self, connection: asyncpg.Connection) -> None:
        """Look for what was left, again and again, until the connection breaks."""
        broken = asyncio.Event()
        connection.add_termination_listener(lambda _: broken.set())
        while not connection.is_closed():
            await self.round(connection)
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await broken.wait()

    async def round(self, connection: asyncpg.Connection) -> None:
        """Drain each account that something waits for, once; what the broker does not take stays for the next round."""
        for account_id in await outbox.waiting(connection):
            try:
                drained = await outbox.drain(connection, account_id, self._publish)
            except asyncpg.LockNotAvailableError:
                continue  # whoever made the change is at it
            if not drained:
                _log.warning("outbox_waits", account_id=account_id)
