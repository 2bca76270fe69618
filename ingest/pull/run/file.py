"""From a feed's address to its parsed parts on disk: fetch, or find that nothing changed, then parse every page."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

from ingest.feeds.mapping import FormatSettings
from ingest.pull.fetch import FetchContext, Fetched, FetchError, NotModified, Validators, fetch
from ingest.pull.fetch.errors import FetchCode
from ingest.pull.fetch.pages import Page, next_by, pages
from ingest.pull.records import Chunk, FileReject, Report
from ingest.pull.run.feed import PulledFeed, stored_validators, validators_of
from ingest.pull.run.part_files import PartsWriter, Spooled
from ingest.pull.run.store import Run, Store, storable
from schemas.items import shown

MAX_REJECTS = 1_000
"""Rejects of a run that are kept; the others are counted."""


class Parsing(Protocol):
    """A file being parsed off the event loop: its chunks, and a report that is complete after the last."""

    @property
    def report(self) -> Report:
        """Return what is known so far."""

    def __aiter__(self) -> AsyncIterator[Chunk]: ...


Parse = Callable[[Fetched, FormatSettings], AbstractAsyncContextManager[Parsing]]


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The file is the one that was applied last."""

    validators: dict[str, Any]


@dataclass(slots=True)
class Facts:
    """What is known of a file, summed up over its pages; becomes `Spooled.facts`."""

    bytes: int = 0
    declared_bytes: int | None = 0
    complete: bool = True
    reason: str | None = None
    encoding: str | None = None
    hint: str | None = None
    rows_read: int = 0
    rows_mapped: int = 0
    rows_rejected: int = 0
    rejects: list[tuple[Any, ...]] = field(default_factory=list)
    rejects_left_out: int = 0
    seal: Any = field(default_factory=hashlib.sha256)

    def add_file(self, fetched: Fetched) -> None:
        """Count a fetched file or page in."""
        self.bytes += fetched.size
        if self.declared_bytes is not None and fetched.declared_length is not None:
            self.declared_bytes += fetched.declared_length
        else:
            self.declared_bytes = None
        self.seal.update(fetched.content_hash.encode())
        if fetched.short:
            self.break_off(f"{fetched.size} bytes came, fewer than the server declared")

    def add_rejects(self, rejects: list[FileReject], row_offset: int) -> None:
        """Keep the first rejects, count the others."""
        room = max(MAX_REJECTS - len(self.rejects), 0)
        self.rejects_left_out += max(len(rejects) - room, 0)
        self.rejects.extend(_reject_row(reject, row_offset) for reject in rejects[:room])

    def add_rows(self, mapped: int, rejected: int) -> None:
        """Count rows in."""
        self.rows_mapped += mapped
        self.rows_rejected += rejected
        self.rows_read += mapped + rejected

    def add_report(self, report: Report) -> None:
        """Take over what a report says of a file or page as a whole."""
        self.encoding = self.encoding or report.encoding
        self.hint = self.hint or report.hint
        self.break_off(None if report.complete else report.reason or "the file is not whole")

    def break_off(self, reason: str | None) -> None:
        """Note why the file is not whole; the first reason stays."""
        if reason is not None and self.complete:
            self.complete, self.reason = False, reason

    def as_json(self, validators: Validators) -> dict[str, Any]:
        """Return the facts as `Spooled` keeps them."""
        return {
            "contentHash": validators.content_hash,
            "validators": stored_validators(validators),
            "bytes": self.bytes,
            "declaredBytes": self.declared_bytes,
            "complete": self.complete,
            "reason": self.reason,
            "encoding": self.encoding,
            "hint": self.hint,
            "rowsRead": self.rows_read,
            "rowsMapped": self.rows_mapped,
            "rowsRejected": self.rows_rejected,
            "rejects": self.rejects,
            "rejectsLeftOut": self.rejects_left_out,
        }


class FileMaker:
    """Makes the parsed parts of runs. `folder` takes them; `parse` reads a fetched file off the event loop."""

    def __init__(self, store: Store, context: FetchContext, folder: Path, parse: Parse) -> None:
        self.folder = folder
        self._store = store
        self._context = context
        self._parse = parse

    async def make(self, run: Run, feed: PulledFeed, known: dict[str, Any] | None, folder: Path) -> Spooled | Unchanged:
        """Fetch and parse a run's file into its folder; `known` are the validators of the last applied one.

        Raises `Rejected` or `Transient` when it cannot be had or read.
        """
        form = feed.format()
        writer = PartsWriter(folder)
        facts = Facts()
        try:
            if feed.settings.pagination is None:
                made = await self._single(run, feed, validators_of(known), form, _Sink(writer, facts, feed))
            else:
                made = await self._paged(run, feed, validators_of(known), form, _Sink(writer, facts, feed))
            if isinstance(made, Unchanged):
                return made
            writer.finish(facts.as_json(made))
        finally:
            writer.close()
        spooled = Spooled.find(folder)
        assert spooled is not None, "just written"
        return spooled

    async def _single(
        self, run: Run, feed: PulledFeed, known: Validators, form: FormatSettings, sink: _Sink
    ) -> Validators | Unchanged:
        result = await fetch(feed.request(known), self._context)
        if isinstance(result, NotModified):
            return Unchanged(stored_validators(result.validators))
        try:
            await self._store.set_stage(run, "parsing")
            await self._read(result, form, sink)
        finally:
            result.discard()
        return result.validators

    async def _paged(
        self, run: Run, feed: PulledFeed, known: Validators, form: FormatSettings, sink: _Sink
    ) -> Validators | Unchanged:
        assert feed.settings.pagination is not None
        await self._store.set_stage(run, "parsing")
        found = pages(feed.request(), next_by(feed.settings.pagination), self._context)
        async with aclosing(cast(AsyncGenerator[Page, None], found)) as every:
            async for page in every:
                try:
                    report = await self._read(page.fetched, form, sink)
                finally:
                    page.fetched.discard()
                page.fields, page.items = report.page_fields, report.rows_read
        content_hash = sink.facts.seal.hexdigest()
        validators = Validators(content_hash=content_hash)
        return Unchanged(stored_validators(validators)) if content_hash == known.content_hash else validators

    async def _read(self, fetched: Fetched, form: FormatSettings, sink: _Sink) -> Report:
        """Parse one file or page into the sink; a compressed one that breaks off is not whole, and for the guard."""
        sink.facts.add_file(fetched)
        report = Report()
        try:
            async with self._parse(fetched, form) as parsing:
                report = parsing.report
                async for chunk in parsing:
                    sink.take(chunk)
                report = parsing.report
        except FetchError as error:
            if error.code is not FetchCode.CONTENT_TRUNCATED:
                raise
            report.break_off(error.message)
        sink.end(report)
        return report


class _Sink:
    """Writes chunks to a run's folder."""

    def __init__(self, writer: PartsWriter, facts: Facts, feed: PulledFeed) -> None:
        self.facts = facts
        self._writer = writer
        self._vendor_name = feed.settings.vendor_name
        self._page_offset = 0

    def take(self, chunk: Chunk) -> None:
        """Add a chunk; rows go on counting from page to page."""
        offset = self._page_offset
        self.facts.add_rows(len(chunk.items), chunk.rejected)
        if self._vendor_name:
            for item in chunk.items:
                item.setdefault("vendorName", self._vendor_name)
        if chunk.items:
            self._writer.part(chunk.items, [row + offset for row in chunk.rows] if offset else chunk.rows)
        if chunk.rejects:
            self.facts.add_rejects(chunk.rejects, offset)
            ids = (reject.external_id for reject in chunk.rejects if reject.external_id)
            self._writer.rejected(external_id for external_id in ids if external_id == storable(external_id))

    def end(self, report: Report) -> None:
        """End a file or page."""
        self.facts.add_report(report)
        self._page_offset = self.facts.rows_read


def _reject_row(reject: FileReject, row_offset: int) -> tuple[Any, ...]:
    """Return a row of `run_rejects` after the run id and the position."""
    value = shown(reject.value)
    texts = (reject.external_id, reject.field, reject.column, reject.code, reject.message, value)
    return (reject.row + row_offset, *(None if text is None else storable(str(text)) for text in texts))
