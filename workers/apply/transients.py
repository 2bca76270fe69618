"""Tell what will pass by itself from what is wrong with the window."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from asyncpg import Connection

from schemas.errors import Transient

_PASSING = (
    Transient,
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,  # class 08, and the client's own "connection was closed"
    asyncpg.TransactionRollbackError,  # class 40: serialization, deadlock
    asyncpg.InsufficientResourcesError,  # class 53: disk full, too many connections
    asyncpg.OperatorInterventionError,  # class 57: shutdown, cancelled, starting up
    asyncpg.PostgresSystemError,  # class 58: I/O error
    asyncpg.LockNotAvailableError,
    asyncpg.SyntaxOrAccessError,  # class 42: not the schema that this worker knows, or no right to it; no item's fault
    asyncpg.ReadOnlySQLTransactionError,  # a failover left us with the standby
    asyncpg.InternalClientError,  # what asyncpg says of a session that the server ended while it was idle
)


def is_transient(error: BaseException, connection: Connection) -> bool:
    """Return whether the same window may succeed later, unchanged."""
    return bool(connection.is_closed()) or isinstance(error, _PASSING)


@contextmanager
def transient(connection: Connection) -> Iterator[None]:
    """Raise `Transient` in place of what will pass by itself."""
    try:
        yield
    except Transient:
        raise
    except Exception as error:
        if is_transient(error, connection):
            raise Transient(f"postgres: {type(error).__name__}: {error}") from error
        raise
