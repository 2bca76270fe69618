"""What is known of a run's file, summed up over its pages, and where its items go: the run's folder."""

from __future__ import annotations

import asyncio
import copy
import hashlib
from dataclasses import dataclass, field
from typing import Any

import orjson

from ingest.pull.fetch import Fetched, Validators
from ingest.pull.records import Chunk, EncodedChunks, FileReject, Report, RowCounts
from ingest.pull.run.feed import stored_validators
from ingest.pull.run.file.part_files import Mark, PartsWriter, Warnings
from ingest.pull.run.store import storable
from schemas.outcomes import shown
from schemas.validation import skip_warning

MAX_REJECTS = 1_000
"""Rejects of a run that are kept; the others are counted."""
_OUT_OF_SHAPE = frozenset(("columns", "quote", "syntax", "encoding", "too_large"))
"""Codes of rows whose cells may stand in the wrong places: what was read as their key is doubtful."""


@dataclass(slots=True)
class Facts(RowCounts):
    """What is known of a file; becomes `Spooled.facts`."""

    bytes: int = 0
    declared_bytes: int | None = 0
    complete: bool = True
    reason: str | None = None
    reason_code: str = "truncated"
    doubt: str | None = None
    """Why nothing proves that all of the file came."""
    final_newline: bool | None = None
    encoding: str | None = None
    hint: str | None = None
    lacking: str | None = None
    """Why no item of any page has a quantity."""
    all_zero: bool = False
    """All quantities of all pages are 0."""
    layout: str | None = None
    """What stands at the positions that are mapped."""
    keyless: int = 0
    """Rejected rows whose key could not be read."""
    rejects: list[tuple[Any, ...]] = field(default_factory=list)
    rejects_left_out: int = 0
    seal: Any = field(default_factory=hashlib.sha256)
    _has_items: bool = False

    def add_file(self, fetched: Fetched) -> None:
        """Count a fetched file or page in."""
        self.bytes += fetched.size
        if self.declared_bytes is not None and fetched.declared_length is not None:
            self.declared_bytes += fetched.declared_length
        else:
            self.declared_bytes = None
        self.seal.update(fetched.content_hash.encode())
        if fetched.short:
            self.break_off(f"{fetched.size} bytes came, and the server said {fetched.declared_length}")
        if fetched.differs is not None:
            self.break_off(f"the bytes that came are not those which the server's {fetched.differs} is of", "digest")

    def add_chunk(self, chunk: Chunk | EncodedChunks, row_offset: int) -> None:
        """Count rows in; keep the first rejects, count the others."""
        self.rows_mapped += chunk.count
        self.rows_rejected += chunk.rejected
        self.rows_read += chunk.count + chunk.rejected
        if not chunk.rejects and not chunk.rejected:
            return
        named = {reject.row for reject in chunk.rejects if not reject.skipped}
        known = {
            reject.row
            for reject in chunk.rejects
            if not reject.skipped and (reject.external_id or reject.code == "no_item")
        }
        self.keyless += len(named - known) + max(chunk.rejected - len(named), 0)
        room = max(MAX_REJECTS - len(self.rejects), 0)
        self.rejects_left_out += max(len(chunk.rejects) - room, 0)
        self.rejects.extend(_reject_row(reject, row_offset) for reject in chunk.rejects[:room])

    def add_report(self, report: Report) -> None:
        """Take over what a report says of a file or page as a whole."""
        if report.rows_mapped:
            self.all_zero = report.all_zero and (self.all_zero or not self._has_items)
            self.lacking = report.lacking and (self.lacking if self._has_items else report.lacking)
            self._has_items = True
        # Rows that were folded into others are in no chunk.
        self.rows_read += report.rows_read - report.rows_mapped - report.rows_rejected
        self.rows_folded += report.rows_folded
        self.attributes_skipped += report.attributes_skipped
        self.encoding = self.encoding or report.encoding
        self.hint = self.hint or report.hint
        self.layout = report.layout and storable(report.layout)
        if not report.complete:
            self.break_off(report.reason or "the file is not whole", report.doubt or "truncated")

    def break_off(self, reason: str, code: str = "truncated") -> None:
        """Note why the file is not whole, or in doubt otherwise; the first reason stays."""
        if self.complete:
            self.complete, self.reason, self.reason_code = False, reason, code

    def as_json(self, validators: Validators) -> dict[str, Any]:
        """Return the facts as `Spooled` keeps them."""
        return {
            "contentHash": validators.content_hash,
            "validators": stored_validators(validators),
            "bytes": self.bytes,
            "declaredBytes": self.declared_bytes,
            "complete": self.complete,
            "reason": self.reason,
            "reasonCode": self.reason_code,
            "doubt": self.doubt,
            "finalNewline": self.final_newline,
            "encoding": self.encoding,
            "hint": self.hint,
            "lacking": self.lacking,
            "allZero": self.all_zero,
            "layout": self.layout,
            "rowsRead": self.rows_read,
            "rowsMapped": self.rows_mapped,
            "rowsRejected": self.rows_rejected,
            "rowsFolded": self.rows_folded,
            "attributesSkipped": self.attributes_skipped,
            "keyless": self.keyless,
            "rejects": self.rejects,
            "rejectsLeftOut": self.rejects_left_out,
        }


class Sink:
    """Takes chunks, counts them and writes them to a run's folder, off the event loop.

    What the parser has to do with the items: give those that have none the `vendor_name`, and add
    `page_offset` to their rows, which go on counting from page to page.
    """

    def __init__(self, writer: PartsWriter, vendor_name: str | None) -> None:
        self.facts = Facts()
        self.vendor_name = vendor_name
        self.page_offset = 0
        self._writer = writer
        self._digest = hashlib.sha256()
        self._before: tuple[Facts, Mark] | None = None
        self._skipped: dict[int, list[FileReject]] = {}

    async def begin_page(self) -> None:
        """Remember how things are, in case the page that comes is to be dropped."""
        self._digest = hashlib.sha256()
        facts = copy.copy(self.facts)
        facts.rejects, facts.seal = list(self.facts.rejects), self.facts.seal.copy()
        self._before = facts, await asyncio.to_thread(self._writer.mark)

    async def drop_page(self) -> None:
        """Forget what came since `begin_page`."""
        assert self._before is not None, "begun"
        self.facts, mark = self._before
        await asyncio.to_thread(self._writer.back_to, mark)
        self.page_offset = self.facts.rows_read

    async def take(self, chunks: EncodedChunks) -> None:
        """Add chunks."""
        self.facts.add_chunk(chunks, self.page_offset)
        await asyncio.to_thread(self._write, chunks)

    async def end(self, report: Report) -> str:
        """End a file or page; return a digest of its items, "" where it gave none to be compared."""
        self._skipped.clear()
        self.facts.add_report(report)
        self.page_offset = self.facts.rows_read
        return self._digest.hexdigest() if report.rows_mapped else ""

    def _write(self, chunks: EncodedChunks) -> None:
        for reject in chunks.rejects:
            if reject.skipped:
                self._skipped.setdefault(reject.row + self.page_offset, []).append(reject)
        if self._skipped:
            for items, rows in chunks.decoded():
                self._writer.part(items, rows, self._warnings(rows))
        else:
            self._writer.encoded(chunks)
        if self._before is not None:  # only pages are compared with one another
            for encoded in chunks.items():
                self._digest.update(encoded)
        self._writer.rejected(keys_of(chunks.rejects))

    def _warnings(self, rows: list[int]) -> Warnings:
        """Return what was left out of a chunk's items, by their place: what their receipts tell."""
        return {
            place: [skip_warning(reject, row) for reject in self._skipped.pop(row)]
            for place, row in enumerate(rows)
            if row in self._skipped
        }


def keys_of(rejects: list[FileReject]) -> list[tuple[str, bool]]:
    """Return the keys of refused rows, each with whether it is doubtful; what Postgres cannot hold is not stored."""
    return [
        (reject.external_id, reject.code in _OUT_OF_SHAPE)
        for reject in rejects
        if reject.external_id and not reject.skipped and reject.external_id == storable(reject.external_id)
    ]


def _reject_row(reject: FileReject, row_offset: int) -> tuple[Any, ...]:
    """Return a row of `run_rejects` after the run id and the position."""
    value = shown(reject.value)
    texts = (reject.external_id, reject.field, reject.column, reject.code, reject.message, value)
    stored = (None if text is None else storable(str(text)) for text in texts)
    record = None if reject.record is None else orjson.dumps(reject.record).decode()
    return (reject.row + row_offset, *stored, reject.skipped, record)
