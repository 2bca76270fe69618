"""The API's pool of Postgres connections."""

from __future__ import annotations

from typing import Any

import asyncpg

from schemas.postgres import Session, json_values
from schemas.settings import Settings, process_name

POOL_SIZE = 10
ACQUIRE_TIMEOUT_S = 3.0
"""For a free connection, a new one included; also for making one fit to be lent again."""
STATEMENT_TIMEOUT_S = 5.0
"""Postgres ends a statement that takes longer (504, the asker's to narrow)."""
SILENCE_S = 5.5
"""Postgres, which should have said so by now, is frozen or unreachable (503): with what comes before, below 10 s."""


class _Pool(asyncpg.Pool):  # type: ignore[misc]  # asyncpg has no types
    """A pool that makes nobody wait for ever."""

    def acquire(self, *, timeout: float | None = None) -> Any:
        """Lend a connection; raises TimeoutError when none is free in time."""
        return super().acquire(timeout=ACQUIRE_TIMEOUT_S if timeout is None else timeout)


def new_pool(settings: Settings) -> asyncpg.Pool:
    """Return a pool to be entered; it opens its first connection when one is needed.

    So the API starts, and says 503, while Postgres is away.
    """
    session = Session(
        process_name("api"),
        {
            "statement_timeout": f"{STATEMENT_TIMEOUT_S:g}s",
            # Lists have many filters that are rarely given: planned anew, the ones not given cost nothing.
            "plan_cache_mode": "force_custom_plan",
            "jit": "off",
        },
    )
    return _Pool(
        settings.dsn,
        min_size=0,
        max_size=POOL_SIZE,
        max_queries=50_000,
        max_inactive_connection_lifetime=300.0,
        loop=None,
        connection_class=asyncpg.Connection,
        record_class=asyncpg.Record,
        connect=session.open,
        init=json_values,
        reset=session.reset,
        command_timeout=SILENCE_S,
        timeout=ACQUIRE_TIMEOUT_S,
    )
