"""The upkeep duty: releases deferred items, keeps the receipts' partitions, clears away what is old or deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import asyncpg

from schemas import queries
from schemas.changes import STREAM_DAYS
from schemas.errors import Transient
from schemas.logs import structlog
from schemas.settings import Settings
from workers import database
from workers.clock import Clock
from workers.duties import partitions
from workers.duties.release import Releaser

UPKEEP = queries.load("upkeep", beside=__file__)
OPERATIONS = queries.load("operations", beside=__file__)
CHANNEL = "accounts_changed"
SAMPLE_S = 300
"""Seconds between two samples of the accounts' usage."""
SAMPLE_DAYS = 35
MINUTE_DAYS = 7
"""Days that what each feed did in each minute is kept."""
USAGE_DAYS = 100
"""Days that usage rows are kept; charging looks back 32 days at most."""
ATTEMPT_DAYS = 7
"""Days that attempts at batches that never came again are kept."""
SETTLED_DAYS = 30
"""Days that replayed and discarded dead letters are kept, and what operations did."""
ROUND_S = 5.0
CLEARING_S = 600.0
_ROWS = 5_000
_log = structlog.get_logger()


class Upkeep:
    """The duty: three kinds of rounds side by side, so that none waits for another.

    Releases go over the connection that holds the duty; clearing away and deleting feeds, which may take their time,
    each have one of their own.
    """

    def __init__(self, settings: Settings, releaser: Releaser, clock: Clock) -> None:
        self._settings = settings
        self._releaser = releaser
        self._clock = clock
        self._clear_at = self._sample_at = datetime.min.replace(tzinfo=UTC)

    async def serve(self, connection: asyncpg.Connection) -> None:
        """Make rounds until the connection breaks; a changed account calls for a release at once.

        Raises what ends one of the other rounds.
        """
        wake = asyncio.Event()
        connection.add_termination_listener(lambda _: wake.set())
        await connection.add_listener(CHANNEL, lambda *_: wake.set())
        aside = [asyncio.create_task(self._aside(step)) for step in (self.clear, purge_step)]
        for task in aside:
            task.add_done_callback(lambda _: wake.set())
        try:
            while not connection.is_closed():
                await self.release(connection)
                for task in aside:
                    if task.done():
                        task.result()
                with suppress(TimeoutError):
                    async with asyncio.timeout(ROUND_S):
                        await wake.wait()
                wake.clear()
        finally:
            for task in aside:
                task.cancel()
            await asyncio.gather(*aside, return_exceptions=True)

    async def release(self, connection: asyncpg.Connection) -> None:
        """Release the deferred items whose turn has come."""
        await _step("release", self._releaser.round(connection, self._clock.now()))

    async def clear(self, connection: asyncpg.Connection) -> None:
        """Clear away what is old, and sample the usage, if that is due; what fails is tried again in the next round."""
        now = self._clock.now()
        if now >= self._clear_at:
            self._clear_at = now + timedelta(seconds=CLEARING_S)
            done = [
                await _step("partitions", self._partitions(connection, now)),
                await _step("usage", _prune_usage(connection, now)),
                await _step("attempts", _prune_attempts(connection, now)),
                await _step("settled", prune_settled(connection, now)),
                await _step("tallies", OPERATIONS.fold_tallies(connection, now=now)),
            ]
            if not all(done):
                self._clear_at = now
        if now >= self._sample_at and await _step("usage_samples", sample_usage(connection, now)):
            self._sample_at = _sampled_at(now) + timedelta(seconds=SAMPLE_S)

    async def _aside(self, step: Callable[[asyncpg.Connection], Awaitable[None]]) -> None:
        """Do a step round after round over a connection of its own, made anew when it breaks."""
        while True:
            try:
                with database.reaching():
                    connection = await database.open_connection(self._settings.dsn, "feedline-worker upkeep aside")
                    try:
                        while True:
                            await step(connection)
                            await asyncio.sleep(ROUND_S)
                    finally:
                        connection.terminate()
            except database.Away as error:
                _log.warning("upkeep_waits", step=step.__name__, error=str(error))
            await asyncio.sleep(ROUND_S)

    async def _partitions(self, connection: asyncpg.Connection, now: datetime) -> None:
        receipt_days = self._settings.receipt_days
        await partitions.keep(connection, now, receipt_days)
        await partitions.keep(connection, now, max(receipt_days, STREAM_DAYS), partitions.EVENTS)
        await partitions.keep(connection, now, MINUTE_DAYS, partitions.FEED_MINUTES)


async def _step(name: str, doing: Awaitable[object]) -> bool:
    try:
        with database.reaching():
            await doing
    except database.Away:
        raise
    except Transient as error:
        _log.warning("upkeep_waits", step=name, error=str(error))
    except asyncpg.LockNotAvailableError:
        _log.info("upkeep_waits", step=name, error="busy: a lock was not to be had at once")
    except Exception:  # noqa: BLE001 - one bad account or table must not stop the fleet
        _log.exception("upkeep_failed", step=name)
    else:
        return True
    return False


async def _prune_usage(connection: asyncpg.Connection, now: datetime) -> None:
    await UPKEEP.prune_usage(connection, before=now.astimezone(UTC).date() - timedelta(days=USAGE_DAYS))


async def sample_usage(connection: asyncpg.Connection, now: datetime) -> None:
    """Note how far the accounts' days are used at the last multiple of `SAMPLE_S`; forget what is too old."""
    at = _sampled_at(now)
    await UPKEEP.sample_usage(connection, at=at)
    await UPKEEP.prune_usage_samples(connection, before=at - timedelta(days=SAMPLE_DAYS))


def _sampled_at(now: datetime) -> datetime:
    return datetime.fromtimestamp(now.timestamp() // SAMPLE_S * SAMPLE_S, UTC)


async def _prune_attempts(connection: asyncpg.Connection, now: datetime) -> None:
    await UPKEEP.prune_attempts(connection, before=now - timedelta(days=ATTEMPT_DAYS))


async def prune_settled(connection: asyncpg.Connection, now: datetime) -> None:
    """Forget dead letters that were settled long ago, part by part, and the operations that did it."""
    before = now - timedelta(days=SETTLED_DAYS)
    while await OPERATIONS.prune_letters(connection, before=before, most=_ROWS) == _ROWS:
        pass
    await OPERATIONS.prune_operations(connection, before=before)


async def purge_step(connection: asyncpg.Connection) -> None:
    """Remove what is left of deleted feeds and accounts; what fails is tried again in the next round."""
    await _step("deleted_feeds", purge_deleted_feeds(connection))
    await _step("deleted_accounts", purge_deleted_accounts(connection))


async def purge_deleted_feeds(connection: asyncpg.Connection) -> None:
    """Remove the rows of deleted feeds, part by part, and at last the feeds.

    A window may still have been adding rows: the last part runs under the feed's lock, which waits for such windows.
    """
    for feed in [row async for row in UPKEEP.deleted_feeds(connection)]:
        which = {"account_id": feed["account_id"], "feed_id": feed["id"]}
        while await UPKEEP.purge_feed_variants(connection, **which, most=_ROWS) == _ROWS:
            pass
        async with connection.transaction():
            await connection.execute(partitions.LOCK_TIMEOUT)
            await UPKEEP.lock_feed(connection, feed_id=feed["id"])
            while await UPKEEP.purge_feed_variants(connection, **which, most=_ROWS):
                pass
            await UPKEEP.purge_deferred(connection, **which)
            await UPKEEP.purge_feed(connection, feed_id=feed["id"])
        _log.info("deleted_feed_purged", **which)


async def purge_deleted_accounts(connection: asyncpg.Connection) -> None:
    """Remove deleted accounts whose feeds are gone: variants part by part, then the account with all that is left."""
    for account in [row async for row in UPKEEP.deleted_accounts(connection)]:
        while await UPKEEP.purge_variants(connection, account_id=account["id"], most=_ROWS) == _ROWS:
            pass
        await UPKEEP.purge_account(connection, account_id=account["id"])
        _log.info("deleted_account_purged", account_id=account["id"])
