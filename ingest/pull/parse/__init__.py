"""Files of pulled feeds to chunks of canonical items, in constant memory.

settings = FormatSettings.model_validate(feed)            # ingest/feeds/mapping.py
parsing = parse(file, settings, charset="iso-8859-1")     # blocking; `process` runs it in one of its own
for chunk in parsing:
    chunk.items, chunk.rows, chunk.rejects
parsing.report                                            # complete? encoding, delimiter, columns, page fields, counts
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingest.feeds.mapping import FormatSettings
from ingest.pull.parse.pipeline import Parse
from ingest.pull.records import Chunk, FileReject, FormatError, Record, Report

__all__ = ["Chunk", "FileReject", "FormatError", "Parse", "Record", "Report", "parse", "read_records"]


def parse(stream: Any, settings: FormatSettings, *, charset: str | None = None, limit: int | None = None) -> Parse:
    """Return the parse of a file, to be iterated once: chunks of up to 50 items with rows and rejects (see `Parse`)."""
    return Parse(stream, settings, charset=charset, limit=limit)


def read_records(stream: Any, settings: FormatSettings, *, charset: str | None = None) -> Iterator[Record]:
    """Yield a file's records with their rows, as they stand in it (see `ingest.pull.records.Block`)."""
    return Parse(stream, settings, charset=charset).records()
