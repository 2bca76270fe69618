"""Whether the API can take requests: asks Postgres now and then, so that `/readyz` tells before a caller finds out."""

from __future__ import annotations

import asyncio

import asyncpg
from aiohttp import web

from schemas.metrics import DEGRADED
from schemas.postgres import AWAY

ASK_EVERY_S = 2.0
ASK_TIMEOUT_S = 3.0


class Health:
    """What Postgres answered last."""

    def __init__(self) -> None:
        """Begin without an answer: not ready."""
        self.postgres: str | None = "postgres: not asked yet"

    async def watch(self, pool: asyncpg.Pool) -> None:
        """Ask for ever."""
        while True:
            await self.ask(pool)
            await asyncio.sleep(ASK_EVERY_S)

    async def ask(self, pool: asyncpg.Pool) -> None:
        """Ask once."""
        try:
            async with asyncio.timeout(ASK_TIMEOUT_S):
                await pool.execute("SELECT 1")
        except AWAY as error:
            self.postgres = f"postgres: {type(error).__name__}"
        else:
            self.postgres = None
        DEGRADED.labels("postgres").set(self.postgres is not None)


HEALTH = web.AppKey("health", Health)
