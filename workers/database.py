"""Postgres connections of a worker: how they are opened so that a dead peer is noticed, on both sides, in time.

A session lock is only as good as the server's knowledge that its holder is gone. Over a dead host nothing tells it but
keepalives, so they are short: a lock is free within 9 s (idle 3 + 2 x 3), also while a statement runs
(client_connection_check_interval) or an answer is on its way (tcp_user_timeout).
Source: https://www.postgresql.org/docs/current/runtime-config-connection.html
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import asyncpg

from schemas.errors import Transient
from schemas.postgres import AWAY, Session

OPEN_TIMEOUT_S = 5.0
STATEMENT_TIMEOUT_S = 60.0
_SERVER_KEEPALIVES = {
    "tcp_keepalives_idle": "3",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "9000",
    "client_connection_check_interval": "2000",
}
_CLIENT_KEEPALIVES = {"TCP_KEEPIDLE": 2, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 5_000}
_AWAY = (*AWAY, asyncpg.OperatorInterventionError)  # class 57: a statement of ours that was cancelled, too


class Away(Transient):
    """Postgres is away: gone, starting, stopping, full, or read-only. The connection is to be made anew."""


def is_away(error: BaseException) -> bool:
    """Return whether an error of a small statement of ours means that Postgres is away.

    asyncpg says of a closed connection what it says of our own misuse: InterfaceError; only the text tells them apart.
    """
    if isinstance(error, asyncpg.InterfaceError):
        return "closed" in str(error)
    return isinstance(error, _AWAY)


@contextmanager
def reaching() -> Iterator[None]:
    """Raise `Away` in place of what a Postgres that is away makes asyncpg raise; all else passes."""
    try:
        yield
    except Exception as error:
        if is_away(error):
            raise Away(f"{type(error).__name__}: {error}") from error
        raise


async def open_connection(
    dsn: str, name: str, *, statement_timeout_s: float = STATEMENT_TIMEOUT_S, session: Mapping[str, str] | None = None
) -> asyncpg.Connection:
    """Return a connection that stands as `name` in pg_stat_activity; raises what `is_away` knows.

    A statement that takes longer than `statement_timeout_s` is cancelled by the server, and given up by the client
    a little later in case the server cannot be reached. `session` holds more settings of the session.
    """
    statement_timeout = {"statement_timeout": str(int(statement_timeout_s * 1000))}
    connection = await Session(name, {**(session or {}), **_SERVER_KEEPALIVES, **statement_timeout}).open(
        dsn,
        timeout=OPEN_TIMEOUT_S,
        command_timeout=statement_timeout_s + 5,
        max_cached_statement_lifetime=0,  # our statements never change
    )
    transport = connection._transport  # noqa: SLF001 - asyncpg offers no way to set these
    peer = transport.get_extra_info("socket")
    if peer is not None and peer.family in (socket.AF_INET, socket.AF_INET6):
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _CLIENT_KEEPALIVES.items():
            if hasattr(socket, option):
                peer.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    return connection
