"""Which errors of asyncpg say that Postgres is away, for API, edge, puller, deliverer and workers alike."""

from __future__ import annotations

import asyncpg
import pytest

from schemas.postgres import AWAY, TROUBLE


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError,
        TimeoutError,
        asyncpg.ConnectionDoesNotExistError,
        asyncpg.TooManyConnectionsError,
        asyncpg.DiskFullError,
        asyncpg.CannotConnectNowError,
        asyncpg.AdminShutdownError,
        asyncpg.ReadOnlySQLTransactionError,
        asyncpg.InterfaceError,
    ],
)
def test_a_postgres_that_is_gone_full_starting_stopping_or_read_only_is_away(error):
    assert issubclass(error, AWAY)


@pytest.mark.parametrize(
    "error", [asyncpg.QueryCanceledError, asyncpg.UndefinedTableError, asyncpg.UniqueViolationError, asyncpg.DataError]
)
def test_a_postgres_that_refuses_a_statement_is_there_and_in_trouble(error):
    assert not issubclass(error, AWAY)
    assert issubclass(error, TROUBLE)
