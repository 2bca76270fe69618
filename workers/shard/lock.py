"""The right to write for one shard: a session advisory lock on the one connection that its windows run on.

If the connection breaks, the lock and the open transaction are gone together, so there is never a writer
without the lock. docs/fleet.md has the whole argument.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable

import asyncpg

from schemas import queries
from schemas.errors import FeedlineError
from schemas.logs import structlog
from workers import database
from workers.apply.planner import SESSION
from workers.shard.border import Border
from workers.shard.tools import Tools

LOCK = queries.load("lock", beside=__file__)
SHARD_SPACE = 0x73686172
"""The first key of a shard's advisory lock ("shar"); the second is the shard."""
DRAIN_WAIT_S = 10.0
"""Longer than the broker takes to notice that a host is dead (workers/amqp/broker.py), and than a worker that has lost
Postgres keeps batches of a shard that it is handing over (workers/shard/pump.py)."""
LOCK_WAIT_MS = 3_000
_NAME, _HEX = "feedline-worker", 32
_DRAIN_POLL_S = 0.2
_NOT_REPLICATED = "canceling wait for synchronous replication"
"""The warning of a COMMIT whose wait for the standby was cut short, by a time-out of ours for one: it committed here
(https://www.postgresql.org/docs/current/warm-standby.html#SYNCHRONOUS-REPLICATION-HA)."""
_log = structlog.get_logger()


class Taken(FeedlineError):
    """Another worker has the lock: what is in hand must be given back to the broker."""


def connection_name(worker_id: uuid.UUID, what: str) -> str:
    """Return the name of a worker's connection in pg_stat_activity (at most 63 bytes)."""
    return f"{_NAME} {worker_id.hex} {what}"


def owner_of(name: str) -> uuid.UUID | None:
    """Return the worker of a connection by its name; None when it is no worker's."""
    words = name.split()
    if len(words) > 1 and words[0] == _NAME and len(words[1]) == _HEX:
        return uuid.UUID(hex=words[1])
    return None


class ShardLock:
    """The lock of one shard; `on_lost` is called when the connection that holds it breaks."""

    def __init__(self, tools: Tools, shard: int, on_lost: Callable[[], None]) -> None:
        self._dsn = tools.settings.dsn
        self._worker_id = worker_id = tools.worker_id
        self._shard = shard
        self._name = connection_name(worker_id, f"shard {shard}")
        self._on_lost = on_lost
        self._monotonic = tools.clock.monotonic
        self._memory = tools.memory
        self._connection: asyncpg.Connection | None = None
        self._noted = False
        self._unreplicated = False
        self.known = tools.memory.begin()
        """What the connection that holds the lock knows of the shard's rows, which nobody else writes meanwhile."""
        self.border = Border(shard, tools.settings.shards)
        """Which feeds are the shard's, as read when the lock was last had."""
        self.waits_for: str | None = None
        """What `acquire` waits for, in words, while it does."""
        self.lost_at: float | None = None
        """When it was lost (monotonic seconds) without having been had again."""

    @property
    def held(self) -> bool:
        """Whether the lock is ours, as far as we know."""
        return self._connection is not None and not self._connection.is_closed()

    async def acquire(self) -> None:
        """Wait for as long as it takes until the lock is ours and nobody else has batches in hand.

        Only for an owner that has no deliveries. Raises `database.Away`.
        """
        if self.held:
            return
        with database.reaching():
            connection = await database.open_connection(self._dsn, self._name, session=SESSION)
            try:
                while not (await self._try(connection) or await self._wait(connection)):
                    pass
                await self._wait_for_drain(connection)
                await self.border.read(connection)
                self._have(connection)
            except BaseException:
                connection.terminate()
                raise
            finally:
                self.waits_for = None

    async def connection(self) -> asyncpg.Connection:
        """Return the connection that holds the lock; had it been lost, after getting the lock again.

        For an owner that has deliveries in hand. Raises `Taken` when another worker has got the lock meanwhile, or
        `database.Away`.
        """
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        with database.reaching():
            connection = await database.open_connection(self._dsn, self._name, session=SESSION)
            try:
                if await self._try(connection):
                    noted = await LOCK.drain_of(connection, shard=self._shard)
                    if noted in (None, self._worker_id):
                        await self.border.read(connection)
                        self._have(connection)
                        return connection
            except BaseException:
                connection.terminate()
                raise
        connection.terminate()
        raise Taken(f"shard {self._shard} was taken over")

    def drop(self) -> None:
        """Give up a connection that may be broken, and with it the lock."""
        if self._connection is not None:
            self._connection.terminate()

    def take_unreplicated(self) -> bool:
        """Return, once, whether a commit stopped waiting for the standby: it is durable here, and perhaps only here."""
        unreplicated, self._unreplicated = self._unreplicated, False
        return unreplicated

    async def note_drain(self) -> None:
        """Write down that we cancel our consumer with batches in hand; raises `database.Away`."""
        connection = self._connection
        if connection is None:
            raise database.Away("the lock is lost")
        self._noted = True
        with database.reaching():
            await LOCK.note_drain(connection, shard=self._shard, worker_id=self._worker_id)

    async def release(self, *, keep_note: bool = False) -> None:
        """Let go of the lock, and of the note that we drain unless the broker may still hold something for us."""
        connection, self._connection = self._connection, None
        self.known.end()
        if connection is None:
            return
        try:
            with database.reaching():
                async with asyncio.timeout(database.OPEN_TIMEOUT_S):
                    if self._noted and not keep_note:
                        if connection.is_closed():
                            connection = await database.open_connection(self._dsn, self._name)
                        await LOCK.clear_drain(connection, shard=self._shard, worker_id=self._worker_id)
                    await connection.close()
        except database.Away as error:
            connection.terminate()
            _log.warning("release_failed", shard=self._shard, error=str(error))
        except BaseException:
            connection.terminate()
            raise

    async def _try(self, connection: asyncpg.Connection) -> bool:
        """Try to get the lock, ending a session of our own that the server does not know to be dead."""
        key = {"space": SHARD_SPACE, "key": self._shard}
        while not await LOCK.try_lock(connection, **key):
            holder = await LOCK.lock_holder(connection, **key)
            if holder is None:
                continue
            if holder["application_name"] != self._name:
                return False
            await LOCK.terminate(connection, pid=holder["pid"])
            await asyncio.sleep(_DRAIN_POLL_S)
        return True

    async def _wait(self, connection: asyncpg.Connection) -> bool:
        """Wait in the server's queue for the lock, so that it is ours the moment it is free; return whether it is.

        A waiting statement holds a snapshot, which keeps vacuum from cleaning up, so it does not wait for long.
        """
        self.waits_for = "another worker has the shard's lock"
        await connection.execute(f"SET lock_timeout = {LOCK_WAIT_MS}")
        try:
            await LOCK.wait_for_lock(connection, space=SHARD_SPACE, key=self._shard)
        except asyncpg.LockNotAvailableError:
            await self._end_the_dead(connection)
            return False
        finally:
            if not connection.is_closed():
                await connection.execute("RESET lock_timeout")
        return True

    async def _end_the_dead(self, connection: asyncpg.Connection) -> None:
        """End the session of a holder that is no longer in the live list, and still holds the lock after our wait.

        It is frozen, or cut off from everything but this connection. Ending the session ends its transaction and
        its right to write at once; when it wakes up it finds the lock taken.
        """
        holder = await LOCK.lock_holder(connection, space=SHARD_SPACE, key=self._shard)
        owner = owner_of(holder["application_name"]) if holder is not None else None
        if holder is None or owner is None or await LOCK.is_listed(connection, id=owner):
            return
        _log.warning("ending_a_dead_holder", shard=self._shard, worker=str(owner))
        await LOCK.terminate(connection, pid=holder["pid"])

    async def _wait_for_drain(self, connection: asyncpg.Connection) -> None:
        """Wait until a worker that lost the lock while it handed the shard over has nothing in hand any more.

        A note of our own is no exception: what an earlier owner in this process gave back may not have arrived.
        """
        began = self._monotonic()
        while (other := await LOCK.drain_of(connection, shard=self._shard)) is not None:
            self.waits_for = f"worker {other} has batches in hand"
            if self._monotonic() - began >= DRAIN_WAIT_S:
                _log.warning("drain_left_behind", shard=self._shard, worker=str(other))
                await LOCK.clear_drain(connection, shard=self._shard, worker_id=other)
                break
            await asyncio.sleep(_DRAIN_POLL_S)

    def _have(self, connection: asyncpg.Connection) -> None:
        self._connection, self.lost_at, self._unreplicated = connection, None, False
        self.known.end()
        self.known = self._memory.begin()
        connection.add_termination_listener(self._lost)
        connection.add_log_listener(self._warned)

    def _warned(self, _: asyncpg.Connection, message: asyncpg.PostgresLogMessage) -> None:
        if _NOT_REPLICATED in str(message.message):
            self._unreplicated = True

    def _lost(self, connection: asyncpg.Connection) -> None:
        if connection is self._connection:
            self.known.end()
            self.lost_at = self._monotonic()
            self._on_lost()
