"""The puller's rows: runs, their leases and what each feed's last file was. All SQL of the puller goes through here.

Statements that a run waits for are tried again while Postgres is away; the run's lease bounds how long.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self, TypeVar
from uuid import UUID

import asyncpg

from schemas import queries
from schemas.backoff import Backoff
from schemas.logs import structlog
from schemas.postgres import AWAY

STORE = queries.load("store", beside=__file__)
T = TypeVar("T")
_log = structlog.get_logger()

POSTGRES_AWAY = (*AWAY, asyncpg.OperatorInterventionError)
"""A statement of ours that somebody cancelled is no reason to give a run up, either."""

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.1, 2.0
_TELL_EVERY = 15

REJECT_RUNS = 20
"""Runs of a feed whose rejects are kept: with 1,000 a run, what bounds them for a feed that always has some."""


def storable(text: str) -> str:
    """Return a text as Postgres can hold it: without U+0000 and lone surrogates, which files and headers can."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{SYMBOL FOR NULL}")


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it was claimed. `batches` were confirmed, and `missing` dealt out, by an earlier attempt."""

    id: int
    account_id: int
    feed_id: int
    trigger: str
    forced: bool
    dry_run: bool
    approved: bool
    attempt: int
    fingerprint: str | None
    received_at: datetime | None
    batches: int
    missing: int | None
    queued_at: datetime

    @classmethod
    def of(cls, row: Any) -> Self:
        """Return the run of a row of `runs`."""
        return cls(
            id=row["id"],
            account_id=row["account_id"],
            feed_id=row["feed_id"],
            trigger=row["trigger"],
            forced=row["forced"],
            dry_run=row["dry_run"],
            approved=row["approved_at"] is not None,
            attempt=row["attempt"],
            fingerprint=row["fingerprint"],
            received_at=row["received_at"],
            batches=row["batches"],
            missing=row["missing"],
            queued_at=row["queued_at"],
        )


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What the receipts of a run say so far: how many there are, and items by outcome."""

    receipts: int
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class FileRow:
    """What parsing found out, as it stands in the run's row; `rejects` are rows of `run_rejects` after the run id."""

    fingerprint: str
    bytes: int
    encoding: str | None
    rows_read: int
    rows_mapped: int
    rows_rejected: int
    rows_folded: int
    attributes_skipped: int
    rejects_left_out: int
    parts: int
    rejects: Sequence[tuple[Any, ...]]


class Store:
    """The puller's view of the database. `owner` names this puller in leases."""

    def __init__(self, pool: asyncpg.Pool, owner: UUID) -> None:
        self.pool = pool
        self.owner = owner

    async def patiently(self, work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        """Return what `work` does in one transaction, trying again while Postgres is away."""
        backoff = Backoff(_FIRST_WAIT_S, _LONGEST_WAIT_S)
        while True:
            try:
                async with self.pool.acquire() as connection, connection.transaction():
                    return await work(connection)
            except POSTGRES_AWAY as error:
                if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
                    await self.pool.expire_connections()  # a new one may lead to the primary
                if backoff.tries % _TELL_EVERY == 0:
                    _log.warning("run_waits_for_postgres", reason=f"{type(error).__name__}: {error}")
                await asyncio.sleep(backoff.delay())

    async def claim(self, most: int, lease_s: float) -> list[Run]:
        """Take up to `most` runs that no live puller holds."""
        async with self.pool.acquire() as connection:
            return [
                Run.of(row) async for row in STORE.claim_runs(connection, owner=self.owner, lease_s=lease_s, most=most)
            ]

    async def renew_lease(self, run_id: int, attempt: int, lease_s: float) -> bool | None:
        """Return whether someone asked to cancel; None when the run is no longer ours. Does not try again."""
        async with self.pool.acquire() as connection:
            row = await STORE.renew_lease(connection, lease_s=lease_s, run_id=run_id, owner=self.owner, attempt=attempt)
        return None if row is None else bool(row["cancel_requested"])

    async def hand_back(self, run: Run) -> None:
        """Let another puller go on with a run at once."""
        async with self.pool.acquire() as connection:
            await STORE.release_lease(connection, run_id=run.id, owner=self.owner, attempt=run.attempt)

    async def retry_later(self, run: Run, pause_s: float) -> None:
        """Let a run be tried again after a pause, by whomever."""
        await self.patiently(
            lambda c: STORE.retry_later(c, run_id=run.id, owner=self.owner, attempt=run.attempt, pause_s=pause_s)
        )

    async def in_use(self, run_ids: Sequence[int]) -> set[int]:
        """Return those of these runs that are active or held."""
        async with self.pool.acquire() as connection:
            return {row["id"] async for row in STORE.runs_in_use(connection, run_ids=list(run_ids))}

    async def set_stage(self, run: Run, stage: str) -> None:
        """Say what a run is at."""
        await self.patiently(
            lambda c: STORE.set_stage(c, stage=stage, run_id=run.id, owner=self.owner, attempt=run.attempt)
        )

    async def set_file(self, run: Run, file: FileRow) -> bool:
        """Keep what parsing found out; False when the run is no longer ours."""

        async def work(connection: asyncpg.Connection) -> bool:
            row = await STORE.set_file(
                connection,
                fingerprint=file.fingerprint,
                bytes=file.bytes,
                encoding=file.encoding,
                rows_read=file.rows_read,
                rows_mapped=file.rows_mapped,
                rows_rejected=file.rows_rejected,
                rows_folded=file.rows_folded,
                attributes_skipped=file.attributes_skipped,
                rejects_left_out=file.rejects_left_out,
                parts=file.parts,
                run_id=run.id,
                owner=self.owner,
                attempt=run.attempt,
            )
            if row is None:
                return False
            await STORE.clear_rejects(connection, run_id=run.id)
            await connection.copy_records_to_table(
                "run_rejects",
                records=((run.id, position, *reject) for position, reject in enumerate(file.rejects)),
                columns=REJECT_COLUMNS,
            )
            if file.rejects:
                await STORE.prune_rejects(connection, feed_id=run.feed_id, kept=REJECT_RUNS)
            return True

        return await self.patiently(work)

    async def begin_publishing(self, run: Run) -> datetime | None:
        """Return the receive time of the run's batches, the same in every attempt; None when it is no longer ours."""
        return await self.patiently(
            lambda c: STORE.begin_publishing(c, run_id=run.id, owner=self.owner, attempt=run.attempt)
        )

    async def outcomes(self, run: Run, received_at: datetime) -> Outcomes:
        """Return what became of the run's items so far."""
        row = await self.patiently(
            lambda c: STORE.outcomes_of_run(
                c, account_id=run.account_id, feed_id=run.feed_id, received_at=received_at, run_id=run.id
            )
        )
        return Outcomes(row["receipts"], row["counts"])

    async def set_progress(self, run: Run, batches: int, counts: dict[str, int]) -> None:
        """Keep how far the run has come."""
        await self.patiently(
            lambda c: STORE.set_progress(
                c,
                batches=batches,
                counts=counts,
                run_id=run.id,
                owner=self.owner,
                attempt=run.attempt,
            )
        )

    async def settle(self, run_id: int, counts: dict[str, int], *, settled: bool) -> None:
        """Keep the counts of an ended run whose receipts were late."""
        await self.patiently(lambda c: STORE.settle_run(c, counts=counts, settled=settled, run_id=run_id))

    async def held_with(self, run: Run, code: str) -> int | None:
        """Return the run that holds the same file of the feed for the same reason already."""
        held: int | None = await self.patiently(
            lambda c: STORE.held_with(c, feed_id=run.feed_id, run_id=run.id, error_code=code)
        )
        return held

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.Connection]:
        """Run what is inside in one transaction."""
        async with self.pool.acquire() as connection, connection.transaction():
            yield connection


REJECT_COLUMNS = (
    "run_id",
    "position",
    "row_number",
    "external_id",
    "field",
    "source",
    "code",
    "message",
    "value",
    "skipped",
    "record",
)
