"""Parses a fetched file off the event loop: a small one in a thread, all others in a process of their own."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from typing import Any

from ingest.feeds.mapping import FormatSettings
from ingest.pull.fetch import ContentLimits, Fetched, Wanted, open_content
from ingest.pull.parse import Chunk, Report, parse
from ingest.pull.parse.process import Offloaded, Work
from schemas.settings import Settings

SUFFIXES = {"ftpCsv": (".csv", ".txt", ".tsv"), "xml": (".xml", ".rss"), "api": (".json",)}
"""Names of the member of a zip archive that fits, by resource type."""
SMALL_BYTES = 1 << 18
"""A file up to this size, such as a page of an API, is parsed sooner than a process starts; a thread will do."""
_CHUNKS = 4


def wanted_of(form: FormatSettings) -> Wanted:
    """Return which member of an archive a feed means."""
    return Wanted(SUFFIXES[form.resource_type], form.archive_member)


class FileParser:
    """Reads fetched files within the limits of the settings."""

    def __init__(self, settings: Settings) -> None:
        self._limits = ContentLimits.of(settings)

    @asynccontextmanager
    async def __call__(self, fetched: Fetched, form: FormatSettings) -> AsyncIterator[Threaded | Offloaded]:
        """Open a fetched file; iterate what this gives once, then look at its report."""
        wanted = wanted_of(form)
        if fetched.size > SMALL_BYTES:
            work = Work(fetched.path, form, fetched.charset, fetched.content_encoding, wanted, self._limits)
            async with Offloaded(work) as offloaded:
                yield offloaded
            return
        with ExitStack() as stack:
            content = await asyncio.to_thread(
                stack.enter_context,
                open_content(
                    fetched.path,
                    content_encoding=fetched.content_encoding,
                    wanted=wanted,
                    limits=self._limits,
                ),
            )
            yield Threaded(parse(content, form, charset=fetched.charset))


class Threaded:
    """A parse whose chunks are made in a thread."""

    def __init__(self, parsing: Any) -> None:
        self._parsing = parsing

    @property
    def report(self) -> Report:
        """Return what is known of the file; complete after the last chunk."""
        report: Report = self._parsing.report
        return report

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        chunks: Iterator[Chunk] = iter(self._parsing)
        while found := await asyncio.to_thread(_take, chunks):
            for chunk in found:
                yield chunk


def _take(chunks: Iterator[Chunk]) -> list[Chunk]:
    return list(itertools.islice(chunks, _CHUNKS))
