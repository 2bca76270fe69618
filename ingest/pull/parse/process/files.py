"""Reads a fetched file, or the beginning of it, in a process of its own."""

from __future__ import annotations

from dataclasses import replace

from ingest.feeds.mapping import FormatSettings
from ingest.pull.fetch import ContentLimits, Fetched
from ingest.pull.parse.beginning import Beginning
from ingest.pull.parse.process.job import Budget, Job
from ingest.pull.parse.process.parsers import Offloaded, Parsers
from schemas.settings import Settings

SUFFIXES = {"ftpCsv": (".csv", ".txt", ".tsv"), "xml": (".xml", ".rss"), "api": (".json",)}
"""Names of the member of a zip archive that fits, by resource type."""
LOOK_BUDGET = Budget(cpu_s=10.0, wall_s=30.0)
"""Of a preview: somebody waits for it."""


class FileParser:
    """Reads fetched files within the limits of the settings."""

    def __init__(self, settings: Settings, parsers: Parsers) -> None:
        self._limits = ContentLimits.of(settings)
        self._parsers = parsers

    def __call__(
        self, fetched: Fetched, form: FormatSettings, vendor_name: str | None = None, row_offset: int = 0
    ) -> Offloaded:
        """Return the parse of a fetched file (see `Job`): enter it, iterate it once, then look at its report."""
        job = replace(self._job(fetched, form, Budget()), vendor_name=vendor_name, row_offset=row_offset)
        return Offloaded(self._parsers, job)

    async def look(self, fetched: Fetched, form: FormatSettings, most_items: int) -> Beginning:
        """Return what the beginning of a file gives. Raises FetchError, FormatError and ParserDiedError."""
        job = replace(self._job(fetched, form, LOOK_BUDGET), look_items=most_items)
        async with Offloaded(self._parsers, job) as looking:
            return await looking.looked()

    def _job(self, fetched: Fetched, form: FormatSettings, budget: Budget) -> Job:
        return Job(
            fetched.path,
            form,
            fetched.charset,
            fetched.content_encoding,
            SUFFIXES[form.resource_type],
            self._limits,
            budget,
        )
