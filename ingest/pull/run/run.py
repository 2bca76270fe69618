"""One run from the file to the receipts.

    fetch → parse to disk → guard ─┬→ publish → settle → missing items → settle → succeeded, partial
            (nothing published)    └→ held, with what it would change

Everything is parsed before anything is published, for only the end of a file tells whether it is whole. A run that was
interrupted is carried out again by any puller: it finds the parts on its disk or makes the same ones from the same
bytes, goes on behind the last confirmed one, and batch ids made of (run, part) let the workers skip what came twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ingest.amqp.publish import Publisher
from ingest.feeds.guard import Baseline, FileFacts, guard, guard_stock, guard_zeros
from ingest.feeds.runs import RunStatus, final_status, fingerprint, part_key
from ingest.pull.run import cleanup
from ingest.pull.run.diff import Wanted, make_diff
from ingest.pull.run.ending import Ending, Standing, baseline_of
from ingest.pull.run.feed import PulledFeed
from ingest.pull.run.file.make import FileMaker, Unchanged
from ingest.pull.run.file.part_files import FOLDER, Spooled
from ingest.pull.run.lease import Lease, LeaseLost
from ingest.pull.run.publish import Numbered, PartPublisher, Progress
from ingest.pull.run.settle import Settler
from ingest.pull.run.store import STORE, FileRow, Run, Store
from schemas.batches import Batch, Source, keyed_batch_id
from schemas.logs import structlog
from schemas.settings import Settings

_log = structlog.get_logger()
_DRY = ("dry_run", "a dry run: nothing was applied, which approving it does")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Before:
    """What the feed's last applied file was."""

    validators: dict[str, Any] | None = None
    settings_seal: str | None = None
    baseline: Baseline = field(default_factory=Baseline)


@dataclass(slots=True)
class Errand:
    """A run in one puller's hands. `progress` and `counts` say how far it has come, also when it is stopped."""

    run: Run
    feed: PulledFeed
    lease: Lease
    progress: Progress
    counts: dict[str, int] = field(default_factory=dict)


class Runner:
    """Carries runs out."""

    def __init__(self, settings: Settings, store: Store, publisher: Publisher, files: FileMaker) -> None:
        self._settings = settings
        self._store = store
        self._publisher = publisher
        self._files = files

    async def carry_out(self, errand: Errand) -> Ending:
        """Return how the run ended; raises `Rejected` or `Transient` when its file cannot be had or read."""
        run, feed = errand.run, errand.feed
        before = await self._before(feed)
        spooled = await self._file(run, feed, before)
        if isinstance(spooled, Unchanged):
            return Ending(RunStatus.NOT_MODIFIED, validators=spooled.validators, settings_seal=feed.seal())
        facts = spooled.facts
        found = fingerprint(facts["contentHash"], feed.seal())
        if run.received_at is not None and found != run.fingerprint:
            await spooled.discard()
            return Ending(
                RunStatus.FAILED,
                batches=run.batches,
                settled=False,
                error_code="changed",
                error="the file or the feed's settings changed while the run was interrupted; a new run follows",
                again=True,
            )
        if not await self._store.set_file(run, _file_row(found, facts)):
            raise LeaseLost(f"run {run.id} is another puller's now")
        trusted = run.received_at is not None or (run.approved and found == run.fingerprint)
        held = None if trusted else await self._doubt(run, feed, spooled, before)
        if held is not None:
            return held
        ending = await self._publish(errand, spooled)
        await spooled.discard()
        return ending

    async def _doubt(self, run: Run, feed: PulledFeed, spooled: Spooled, before: Before) -> Ending | None:
        """Return the ending of a run that must wait for a person, with what it would change kept; None: it may go on.

        What is missing counts when it would get quantity 0, and when the feed was made to mean another file.
        """
        facts, share = spooled.facts, feed.settings.fetch_missing_guard
        counts, all_zero = feed.cleans_up or before.settings_seal != feed.seal(), facts.get("allZero", False)
        seen = await cleanup.compare_keys(self._store, run, spooled) if counts or all_zero else None
        zeroes = feed.cleans_up and seen is not None and seen.stock.stored > 0
        baseline = before.baseline
        if before.settings_seal != feed.seal():
            baseline = replace(baseline, layout=None)  # other positions may be mapped by now
        held = guard(_file_facts(facts), baseline, share, cleans_up=zeroes)
        if held is None and seen is not None:
            held = (guard_stock(seen.stock, share) if counts else None) or (
                guard_zeros(seen.stock) if all_zero else None
            )
        if held is None and not run.dry_run:
            return None
        code, reason = _DRY if run.dry_run or held is None else (held.code, held.reason)
        note = f"it would be held: {held.reason}" if run.dry_run and held is not None else None
        standing = await self._store.held_with(run, code)
        if standing is not None:
            await spooled.discard()
            return Ending(
                RunStatus.CANCELLED,
                bytes=facts["bytes"],
                error_code="held",
                error=f"the file is still the one that run {standing} holds: approve that one or cancel it",
                standing=Standing(standing, code, reason),
            )
        seen = seen or await cleanup.compare_keys(self._store, run, spooled)
        left = cleanup.why_not(0, facts["keyless"], seen.unknown) if feed.cleans_up else None
        wanted = Wanted(feed.time_zone, feed.cleans_up and left is None, seen.stock.gone, left)
        await make_diff(self._store, run, spooled, wanted)
        return Ending(RunStatus.HELD, bytes=facts["bytes"], error_code=code, error=_with_hint(reason, facts), note=note)

    async def _before(self, feed: PulledFeed) -> Before:
        row = await self._store.patiently(lambda connection: STORE.feed_state(connection, feed_id=feed.id))
        if row is None:
            return Before()
        return Before(row["validators"], row["settings_seal"], baseline_of(row))

    async def _file(self, run: Run, feed: PulledFeed, before: Before) -> Spooled | Unchanged:
        """Return the parsed file: what lies on this machine's disk if it is the run's, else fetched anew."""
        folder = self.folder(run)
        spooled = await asyncio.to_thread(Spooled.adopt, folder)
        if spooled is not None and run.fingerprint == fingerprint(spooled.facts["contentHash"], feed.seal()):
            return spooled
        first_time = run.fingerprint is None and not run.forced and not run.dry_run
        known = before.validators if first_time and before.settings_seal == feed.seal() else None
        return await self._files.make(run, feed, known, folder)

    def folder(self, run: Run) -> Path:
        """Return where the parsed parts of this attempt at a run lie."""
        return self._files.folder / f"{FOLDER}{run.id}-{run.attempt}"

    async def _publish(self, errand: Errand, spooled: Spooled) -> Ending:
        run, feed, progress = errand.run, errand.feed, errand.progress
        received_at = await self._store.begin_publishing(run)
        if received_at is None:
            raise LeaseLost(f"run {run.id} is another puller's now")
        facts, patience_s = spooled.facts, self._settings.pull_settle_ms / 1000
        settler = Settler(self._store, run, received_at, progress)
        maker = _BatchMaker(run, received_at, self._settings.key)
        publisher = PartPublisher(self._publisher, self._settings.pull_in_flight, errand.lease.check)
        async with _following(settler, errand):
            await publisher.publish(maker.of_file(spooled, progress.batches), progress)
        await self._store.set_stage(run, "settling")
        late = await settler.settle(facts["parts"], patience_s)
        note, expected, missing = None, facts["parts"], 0
        if feed.cleans_up:
            note = await self._left_alone(run, spooled, late)
            if note is None:
                found = await cleanup.deal(self._store, run, spooled)
                if found is None:
                    raise LeaseLost(f"run {run.id} is another puller's now")
                missing = found
                expected += cleanup.part_count(missing)
                zeros = cleanup.batches(self._store, run, max(progress.batches, facts["parts"]), maker.batch)
                async with _following(settler, errand):
                    await publisher.publish(zeros, progress)
                late = await settler.settle(expected, patience_s)
        if late:
            note = f"{late} of {expected} batches are not applied yet; counts follow"
        elif (committed := sum(settler.latest.counts.values())) != facts["rowsMapped"] + missing:
            note = f"not reconciled: {committed} items committed of {facts['rowsMapped'] + missing}"
            _log.error("run_not_reconciled", committed=committed, mapped=facts["rowsMapped"], missing=missing)
        spoilt = facts["rowsRejected"] + facts["attributesSkipped"]
        status = final_status(facts["rowsMapped"], spoilt, settler.latest.counts, late)
        return Ending(
            status,
            batches=expected,
            counts=settler.latest.counts,
            settled=late == 0,
            bytes=facts["bytes"],
            note=note,
            # Only when all of the file is applied may the next one be compared with it and left unread.
            validators=facts["validators"] if status is RunStatus.SUCCEEDED and note is None else None,
            settings_seal=feed.seal(),
            applied=Baseline(facts["rowsRead"], facts["rowsMapped"], facts["finalNewline"], layout=facts.get("layout")),
        )

    async def _left_alone(self, run: Run, spooled: Spooled, late: int) -> str | None:
        """Return why missing items must not be zeroed; None when it is beyond doubt that they are missing."""
        if run.missing is not None:
            return None
        keyless, rejected = spooled.facts["keyless"], spooled.facts["rowsRejected"]
        known = late or keyless or not rejected
        seen = None if known else await cleanup.compare_keys(self._store, run, spooled)
        return cleanup.why_not(late, keyless, seen.unknown if seen else 0)


class _BatchMaker:
    """Makes batches whose ids and receive times are the same in every attempt."""

    def __init__(self, run: Run, received_at: datetime, key: bytes) -> None:
        self._run = run
        self._received_ms = (received_at - _EPOCH) // timedelta(milliseconds=1)
        self._key = key

    def batch(self, part: int, items: list[dict[str, Any]], rows: list[int] | None = None) -> Batch:
        """Return the batch of a part."""
        run = self._run
        return Batch(
            batch_id=keyed_batch_id(run.feed_id, part_key(run.id, part), self._key),
            account_id=run.account_id,
            feed_id=run.feed_id,
            received_ms=self._received_ms,
            source=Source.PULL,
            items=items,
            indexes=rows,
            run_id=run.id,
        )

    async def of_file(self, spooled: Spooled, first: int) -> AsyncGenerator[Numbered, None]:
        """Yield the batches of the file from part `first` on."""
        async with aclosing(spooled.parts(first)) as parts:
            async for part in parts:
                batch = self.batch(part.number, part.items, part.rows)
                batch.warnings = part.warnings
                yield part.number, batch, part.size


@asynccontextmanager
async def _following(settler: Settler, errand: Errand) -> AsyncIterator[None]:
    """Count outcomes as they commit, while something is published; what goes wrong in it is raised at the end."""
    task = asyncio.create_task(settler.follow(errand.counts))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))
    if not task.cancelled():
        await task


def _file_row(found: str, facts: dict[str, Any]) -> FileRow:
    return FileRow(
        fingerprint=found,
        bytes=facts["bytes"],
        encoding=facts["encoding"],
        rows_read=facts["rowsRead"],
        rows_mapped=facts["rowsMapped"],
        rows_rejected=facts["rowsRejected"],
        rows_folded=facts["rowsFolded"],
        attributes_skipped=facts["attributesSkipped"],
        rejects_left_out=facts["rejectsLeftOut"],
        parts=facts["parts"],
        rejects=facts["rejects"],
    )


def _with_hint(reason: str, facts: dict[str, Any]) -> str:
    return f"{reason}: {facts['hint']}" if facts["rowsMapped"] == 0 and facts["hint"] else reason


def _file_facts(facts: dict[str, Any]) -> FileFacts:
    return FileFacts(
        bytes=facts["bytes"],
        rows_read=facts["rowsRead"],
        rows_mapped=facts["rowsMapped"],
        declared_bytes=facts["declaredBytes"],
        complete=facts["complete"],
        incomplete_reason=facts["reason"],
        incomplete_code=facts.get("reasonCode", "truncated"),  # files of the release before have none
        doubt=facts["doubt"],
        final_newline=facts["finalNewline"],
        lacking=facts.get("lacking"),
        layout=facts.get("layout"),
    )
