"""From a feed's address to its parsed parts on disk: fetch, or find that nothing changed, then parse every page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from ingest.feeds.mapping import FormatSettings
from ingest.pull.fetch import FetchContext, Fetched, FetchError, NotModified, Validators, fetch
from ingest.pull.fetch.errors import FetchCode
from ingest.pull.fetch.pagers import Page, next_by
from ingest.pull.fetch.pages import pages
from ingest.pull.fetch.told import Told
from ingest.pull.records import EncodedChunks, Report
from ingest.pull.run.feed import PulledFeed, stored_validators, validators_of
from ingest.pull.run.file.completeness import final_newline, has_no_end
from ingest.pull.run.file.disk import on_disk
from ingest.pull.run.file.facts import Sink
from ingest.pull.run.file.part_files import PartsWriter, Spooled
from ingest.pull.run.store import Run, Store
from schemas.tasks import made_in_thread


class Parsing(Protocol):
    """A file being parsed off the event loop: its chunks, and a report that is complete after the last."""

    @property
    def report(self) -> Report:
        """Return what is known so far."""

    def __aiter__(self) -> AsyncIterator[EncodedChunks]: ...


Parse = Callable[[Fetched, FormatSettings, str | None, int], AbstractAsyncContextManager[Parsing]]
"""(file, how it is read, the vendor's name for items without one, what to add to their rows) → the parse."""


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The file is the one that was applied last."""

    validators: dict[str, Any]


class FileMaker:
    """Makes the parsed parts of runs. `folder` takes them; `parse` reads a fetched file off the event loop."""

    def __init__(self, store: Store, context: FetchContext, folder: Path, parse: Parse) -> None:
        self.folder = folder
        self._store = store
        self._context = context
        self._parse = parse

    async def make(self, run: Run, feed: PulledFeed, known: dict[str, Any] | None, folder: Path) -> Spooled | Unchanged:
        """Fetch and parse a run's file into its folder; `known` are the validators of the last applied one.

        Raises `Rejected` or `Transient` when it cannot be had or read, `DiskTrouble` when there is no room for it.
        """
        form = feed.format()
        writer = await made_in_thread(lambda: PartsWriter(folder), PartsWriter.close)
        sink = Sink(writer, feed.settings.vendor_name)
        make = self._single if feed.settings.pagination is None else self._paged
        try:
            made = await make(run, feed, validators_of(known), form, sink)
            if isinstance(made, Unchanged):
                return made
            await asyncio.to_thread(writer.finish, sink.facts.as_json(made))
        finally:
            await asyncio.to_thread(writer.close)
        spooled = await asyncio.to_thread(Spooled.find, folder)
        assert spooled is not None, "just written"
        return spooled

    async def _single(
        self, run: Run, feed: PulledFeed, known: Validators, form: FormatSettings, sink: Sink
    ) -> Validators | Unchanged:
        result = await fetch(feed.request(known), self._context)
        if isinstance(result, NotModified):
            return Unchanged(stored_validators(result.validators))
        try:
            await self._store.set_stage(run, "parsing")
            if form.resource_type == "ftpCsv":
                sink.facts.final_newline = await asyncio.to_thread(final_newline, result.path)
            if not result.proven and await asyncio.to_thread(has_no_end, result.path, form.resource_type):
                sink.facts.doubt = "the server did not say how long the file is: nothing proves that all of it came"
            report, _ = await self._read(result, form, sink)
            told, count = Told.of(report.page_fields, result.headers), max(report.entries or 0, report.rows_read)
            if form.resource_type == "api":
                lacking = told.lacks_alone(count)
            else:
                lacking = told.lacks_pages(count if form.resource_type == "xml" else None)
            if lacking is not None:
                sink.facts.break_off(lacking)
        finally:
            await asyncio.to_thread(result.discard)
        return result.validators

    async def _paged(
        self, run: Run, feed: PulledFeed, known: Validators, form: FormatSettings, sink: Sink
    ) -> Validators | Unchanged:
        assert feed.settings.pagination is not None
        await self._store.set_stage(run, "parsing")
        pager = next_by(feed.settings.pagination)
        found = pages(feed.request(), pager, self._context)
        async with aclosing(cast(AsyncGenerator[Page, None], found)) as every:
            async for page in every:
                await sink.begin_page()
                try:
                    report, digest = await self._read(page.fetched, form, sink, f"page {page.number + 1}: ")
                finally:
                    await asyncio.to_thread(page.fetched.discard)
                if page.number and report.entries is None:  # an error document, say: not the end of the pages
                    raise FetchError(
                        FetchCode.PAGES_BROKEN,
                        f"page {page.number + 1} is none: {report.hint or report.reason or 'it is empty'}",
                    )
                page.fields, page.items, page.rows = report.page_fields, report.entries or 0, report.rows_read
                page.digest = digest or page.fetched.content_hash  # pages that give nothing are not all the same
                if pager.repeats(page):
                    await sink.drop_page()
        if (lacking := pager.lacks()) is not None:
            sink.facts.break_off(lacking)
        content_hash = sink.facts.seal.hexdigest()
        validators = Validators(content_hash=content_hash)
        return Unchanged(stored_validators(validators)) if content_hash == known.content_hash else validators

    async def _read(self, fetched: Fetched, form: FormatSettings, sink: Sink, name: str = "") -> tuple[Report, str]:
        """Parse one file or page into the sink; a compressed one that breaks off is not whole, and for the guard.

        `name` goes before the reason why it is not whole, if it is a page.
        """
        sink.facts.add_file(fetched)
        report = Report()
        try:
            with on_disk():
                async with self._parse(fetched, form, sink.vendor_name, sink.page_offset) as parsing:
                    report = parsing.report
                    async for chunks in parsing:
                        await sink.take(chunks)
                    report = parsing.report
        except FetchError as error:
            if error.code is not FetchCode.CONTENT_TRUNCATED:
                raise
            report.break_off(error.message)
            report.entries = report.entries or 0  # it is a page, and cut, whatever of it could be read
        if report.entries is not None and report.reason is not None:
            report.reason = f"{name}{report.reason}"
        return report, await sink.end(report)
