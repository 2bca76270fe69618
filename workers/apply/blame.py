"""Whose fault an error is. Only the data's own isolates a batch and buries an item; all else keeps it (docs/road.md).

A positive list, because a wrong guess costs differently: an item that is kept too long is late, one that is buried for
a trouble of ours is lost to its sender. Source: https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import asyncpg
from asyncpg import Connection

from schemas.batches import Batch, Operation
from schemas.errors import Permanent, Rejected, Transient
from schemas.items import KEY
from schemas.postgres import AWAY
from schemas.usage import UnknownZone
from schemas.validation import validate

_OF_THE_DATA = (
    asyncpg.DataError,  # class 22, and what asyncpg refuses to encode
    asyncpg.IntegrityConstraintViolationError,  # class 23
    asyncpg.ProgramLimitExceededError,  # 54000: a value too long for its index or for jsonb, nested too deep
    Permanent,
    Rejected,
)
_PASSING = (
    Transient,
    *AWAY,
    asyncpg.TransactionRollbackError,  # class 40: serialization, deadlock
    asyncpg.OperatorInterventionError,  # class 57: shutdown, starting up, cancelled
    asyncpg.PostgresSystemError,  # class 58: I/O error
    asyncpg.LockNotAvailableError,
)
_OF_THE_MOMENT = (
    Transient,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
)
_RECEIPTS = "receipts"
_NOT_ALL_WRITTEN = "W0001"
"""What `expect_rows` raises (`schemas/migrations/0087.expected_rows.sql`)."""


class Trouble(Transient):
    """Trouble of ours that nobody foresaw: a bug, a schema that is not ours, corruption. Somebody has to look."""


class Stale(Transient):
    """What a window had read is so no more: it is done again, with locks taken before it reads."""


def is_of_the_data(error: BaseException, connection: Connection, batches: Iterable[Batch]) -> bool:
    """Return whether the error is the fault of something in these batches, and not of Postgres or of ourselves.

    An error that is neither Postgres' nor on the list is the data's if our own schema refuses an item of the batches
    (a message that somebody made by hand); if it refuses none, the bug is ours.
    """
    if connection.is_closed() or isinstance(error, _PASSING) or was_seen(error):
        return False
    if isinstance(error, _OF_THE_DATA):
        return True
    return not isinstance(error, asyncpg.PostgresError) and any(map(is_unfit, batches))


def was_seen(error: BaseException) -> bool:
    """Return whether a receipt is there already: its batch was committed before, and the next try finds that out."""
    return isinstance(error, asyncpg.UniqueViolationError) and str(error.table_name or "").startswith(_RECEIPTS)


@contextmanager
def all_written() -> Iterator[None]:
    """Raise `Stale` where a statement was not to write less than everything, and so has written nothing."""
    try:
        yield
    except asyncpg.PostgresError as error:
        if error.sqlstate != _NOT_ALL_WRITTEN:
            raise
        raise Stale(f"not all of a window was written: {error}") from error


def is_unfit(batch: Batch) -> bool:
    """Return whether a batch holds an item that the edge would have refused."""
    if batch.operation is Operation.UPSERT:
        return bool(validate(batch.items).rejects)
    return bool(validate([{KEY: item.get(KEY)} for item in batch.items]).rejects) or not all(
        isinstance(item.get("variantId"), int | None) for item in batch.items
    )


def spoils_the_session(error: BaseException | None) -> bool:
    """Return whether a session that raised this is better replaced: it may be half-dead, read-only or out of step.

    A new session also has its statements prepared anew, and may lead to another server.
    """
    if isinstance(error, _OF_THE_MOMENT):
        return False
    return isinstance(error, (*_PASSING, asyncpg.PostgresError))


@contextmanager
def kept() -> Iterator[None]:
    """Raise `Transient` for whatever fails, `Trouble` for what nobody foresaw: the batches are kept either way."""
    try:
        yield
    except UnknownZone as error:
        raise Trouble(str(error)) from error
    except Transient:
        raise
    except Exception as error:
        kind = Transient if isinstance(error, _PASSING) else Trouble
        raise kind(f"{type(error).__name__}: {error}") from error
