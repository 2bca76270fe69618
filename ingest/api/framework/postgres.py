"""The API's pool of Postgres connections, and how a Postgres that is away shows."""

from __future__ import annotations

import asyncpg
import orjson

from schemas.settings import Settings, process_name

POOL_SIZE = 10
CONNECT_TIMEOUT_S = 5.0
QUERY_TIMEOUT_S = 30.0
AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a pooled connection that the server ended while it was idle
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.OperatorInterventionError,
    asyncpg.ReadOnlySQLTransactionError,  # a failover, or the standby
    OSError,
    TimeoutError,
)
"""What asyncpg and the socket say when Postgres is away, starting, stopping or full."""


def new_pool(settings: Settings) -> asyncpg.Pool:
    """Return a pool to be entered; it opens its first connection when one is needed.

    So the API starts, and says 503, while Postgres is away.
    """
    return asyncpg.create_pool(
        settings.dsn,
        min_size=0,
        max_size=POOL_SIZE,
        command_timeout=QUERY_TIMEOUT_S,
        timeout=CONNECT_TIMEOUT_S,
        init=_json,
        # Lists have many filters that are rarely given: planned anew, the ones not given cost nothing.
        server_settings={"application_name": process_name("api"), "plan_cache_mode": "force_custom_plan", "jit": "off"},
    )


async def _json(connection: asyncpg.Connection) -> None:
    """Let jsonb columns be Python values."""
    await connection.set_type_codec(
        "jsonb", encoder=lambda value: orjson.dumps(value).decode(), decoder=orjson.loads, schema="pg_catalog"
    )
