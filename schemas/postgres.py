"""How every process opens its Postgres sessions: over one host or several, directly or through a pooler of sessions.

asyncpg takes several hosts too, but its time-out covers the whole list: a silent first host would eat the time of the
second. A pooler (pgbouncer) refuses settings that it does not know in the start-up message; they are set by statement
then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import orjson

from schemas.addresses import first, hosts
from schemas.errors import Permanent

CONNECT_TIMEOUT_S = 5.0
AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,  # class 08, and the client's own "connection was closed"
    asyncpg.InsufficientResourcesError,  # class 53: too many connections, no room on the disk
    asyncpg.CannotConnectNowError,  # from here on class 57, without QueryCanceledError: a statement was too slow
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.DatabaseDroppedError,
    asyncpg.IdleSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,  # a failover, or the standby: it may answer, we cannot work
    asyncpg.InternalClientError,  # of a session that the server ended while it was idle
    asyncpg.InterfaceError,  # of a closed connection; of our own misuse too: only the text tells them apart
)
"""What asyncpg and the socket say when Postgres is away: gone, starting, stopping, full, or read-only."""
TROUBLE = (*AWAY, asyncpg.PostgresError)
"""What they say when Postgres does not tell, for whatever reason: it is away, or refuses the statement."""
_ALWAYS_KNOWN = frozenset(
    {"application_name", "client_encoding", "DateStyle", "TimeZone", "standard_conforming_strings"}
)
"""Start-up settings that pgbouncer follows: https://www.pgbouncer.org/config.html#ignore_startup_parameters"""


@dataclass(frozen=True, slots=True)
class Session:
    """What the sessions of one kind are opened with; `name` stands in pg_stat_activity."""

    name: str
    settings: Mapping[str, str] = field(default_factory=dict)

    async def open(
        self,
        dsn: str,
        *,
        timeout: float = CONNECT_TIMEOUT_S,  # noqa: ASYNC109 - a pool hands it over by this name
        **options: Any,
    ) -> asyncpg.Connection:
        """Return a connection to the first host that serves; `options` are asyncpg.connect's, and so are the errors."""

        async def open_one(address: str) -> asyncpg.Connection:
            try:
                return await self._open(address, {"application_name": self.name, **self.settings}, options)
            except asyncpg.ProtocolViolationError:  # "unsupported startup parameter": a pooler
                connection = await self._open(address, self._at_start(), options)
                await connection.execute(self._statements())
                return connection

        return await first(hosts(dsn), open_one, timeout)

    async def reset(self, connection: asyncpg.Connection) -> None:
        """Do as asyncpg's pool does with a connection that comes back, and keep our settings."""
        await connection.execute(f"{connection.get_reset_query()}\n{self._statements()}")

    def pool(self, dsn: str, *, most: int, **options: Any) -> asyncpg.Pool:
        """Return a pool of at most so many sessions, to be entered; it opens its first when one is needed."""
        return asyncpg.create_pool(
            dsn, min_size=0, max_size=most, connect=self.open, reset=self.reset, timeout=CONNECT_TIMEOUT_S, **options
        )

    async def _open(self, address: str, settings: Mapping[str, str], options: Mapping[str, Any]) -> asyncpg.Connection:
        return await asyncpg.connect(address, timeout=None, server_settings=dict(settings), **options)

    def _at_start(self) -> dict[str, str]:
        known = {name: value for name, value in self.settings.items() if name in _ALWAYS_KNOWN}
        return {"application_name": self.name, **known}

    def _statements(self) -> str:
        pairs = {"application_name": self.name, **self.settings}
        return " ".join(f"SET {name} = {_quoted(value)};" for name, value in pairs.items())


async def json_values(connection: asyncpg.Connection) -> None:
    """Let a session's jsonb columns be Python values: a pool's `init`."""
    await connection.set_type_codec(
        "jsonb", encoder=lambda value: orjson.dumps(value).decode(), decoder=orjson.loads, schema="pg_catalog"
    )


async def refuse_shared_sessions(dsn: str) -> None:
    """Raise `Permanent` if a pooler stands in between that lends a server's session by transaction, not by client.

    Our locks and LISTENs belong to sessions. Such a pooler gives the session that an idle client has just used to the
    next one; a pooler of sessions, and Postgres itself, never do. Postgres that is away is not asked.
    """
    session = Session("feedline-check")
    try:
        one = await session.open(dsn, statement_cache_size=0)
    except TROUBLE:
        return
    try:
        first_pid = await one.fetchval("SELECT pg_backend_pid()")
        two = await session.open(dsn, statement_cache_size=0)
        try:
            second_pid = await two.fetchval("SELECT pg_backend_pid()")
        finally:
            two.terminate()
    finally:
        one.terminate()
    if first_pid == second_pid:
        raise Permanent(
            "DATABASE_URL: the pooler lends sessions by transaction; it must by client (pool_mode = session)"
        )


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
