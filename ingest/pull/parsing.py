"""Parses a fetched file in a thread, some chunks at a time, so that the event loop goes on."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from typing import Any

from ingest.pull.fetch import ContentLimits, Fetched, open_content
from ingest.pull.parse import Chunk, Report, parse
from schemas.mapping import FormatSettings
from schemas.settings import Settings

SUFFIXES = {"ftpCsv": (".csv", ".txt", ".tsv"), "xml": (".xml", ".rss"), "api": (".json",)}
"""Names of the member of a zip archive that fits, by resource type."""
_CHUNKS = 16


class FileParser:
    """Reads fetched files within the limits of the settings."""

    def __init__(self, settings: Settings) -> None:
        self._limits = ContentLimits.of(settings)

    @asynccontextmanager
    async def __call__(self, fetched: Fetched, form: FormatSettings) -> AsyncIterator[Threaded]:
        """Open a fetched file; iterate what this gives once, then look at its report."""
        with ExitStack() as stack:
            content = await asyncio.to_thread(
                stack.enter_context,
                open_content(
                    fetched.path,
                    content_encoding=fetched.content_encoding,
                    suffixes=SUFFIXES[form.resource_type],
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
