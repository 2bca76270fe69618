"""A file to chunks of canonical items: reader → mapper → chunks of 50. Pure: bytes in, items out; blocking."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

from ingest.feeds.mapping import FormatSettings
from ingest.pull.mapping.doubts import Doubts
from ingest.pull.mapping.fold import Fold, fold_of
from ingest.pull.mapping.mapper import QUANTITY, Mapped, Mapper
from ingest.pull.parse.csv.columns import open_csv
from ingest.pull.parse.json.columns import open_json
from ingest.pull.parse.source import Source, UnseekableError
from ingest.pull.parse.written import row_of
from ingest.pull.parse.xml.columns import open_xml
from ingest.pull.records import MAX_ROWS_KEPT, Block, Chunk, FileReject, Record, Report
from schemas.columns import KINDS
from schemas.items import MAX_ITEMS

_MAX_REJECTS = 200
"""Reasons that wait for items to share a chunk with."""
_MAX_NAMED = 20


class Parse:
    """One pass over a file; iterate it once. `report` is complete when the iteration ends.

    `stream` is a binary file, already decompressed, or a function that opens it; it is read again where only the whole
    of it tells something.
    `charset` is what the transport declared (HTTP).
    `limit` stops after so many records (previews). Iterating raises FormatError when the file as a whole cannot be
    read; a file that is cut off or malformed further on gives the items before that, and a report that is not complete.
    """

    def __init__(
        self, stream: Any, settings: FormatSettings, *, charset: str | None = None, limit: int | None = None
    ) -> None:
        self.report = Report()
        self._source = Source.of(stream)
        self._settings, self._charset, self._limit = settings, charset, limit
        self._lacks_quantity = QUANTITY in settings.mapping
        self._has_stock = False
        self._rows_kept = self._bare = 0

    def __iter__(self) -> Iterator[Chunk]:
        doubts = Doubts(self._contradictions, lambda: self.report.encoding_guessed)
        blocks, mapper = self._open(self._source, self.report, doubts)
        if mapper is None:
            return
        with closing(fold_of(self._settings.duplicates)) as fold:
            waiting = Mapped()
            for mapped, rejects in self._folded(blocks, mapper, fold):
                waiting.items += mapped.items
                waiting.rows += mapped.rows
                waiting.rejects += rejects + mapped.rejects
                waiting.rejected += mapped.rejected + len(rejects)
                while len(waiting.items) >= MAX_ITEMS or len(waiting.rejects) >= _MAX_REJECTS:
                    yield _cut(waiting)
        while waiting.items or waiting.rejects:
            yield _cut(waiting)

    def _folded(self, blocks: Iterator[Block], mapper: Mapper, fold: Fold) -> Iterator[tuple[Mapped, list[FileReject]]]:
        """Yield what goes on of each block, with the reader's own rejects; at last what the fold kept."""
        for block in blocks:
            mapped = mapper.map_block(block)
            if self._settings.duplicates in ("sum", "max"):
                block.rejects, mapped.rejects = _told(block.rejects), _told(mapped.rejects)
            if mapped.rejects and self._rows_kept < MAX_ROWS_KEPT:
                self._keep_rows(block, mapped.rejects)
            self._count(block, mapped)
            refused = [*block.rejects, *mapped.rejects] if block.rejects else mapped.rejects
            yield fold.add(mapped, refused), block.rejects
            if self._limit is not None and self.report.rows_read >= self._limit:
                break
        for mapped in fold.end():
            yield mapped, []
        without = self.report.rows_mapped or (self._bare if self._bare == self.report.rows_rejected else 0)
        if self._lacks_quantity and without > 1:
            paths = ", ".join(map(repr, self._settings.mapping[QUANTITY].paths))
            found = f"; found {', '.join(self.report.columns[:_MAX_NAMED])}" if self.report.columns else ""
            self.report.lacking = f"no item has a quantity: nothing is in {paths}{found}"
            self.report.hint = self.report.hint or (None if self.report.rows_mapped else self.report.lacking)
        nothing = self.report.rows_read and not self.report.rows_mapped and self._settings.resource_type != "ftpCsv"
        if nothing and self.report.columns:
            # What no item can be made of may have other names by now; a CSV that lacks a column has failed before.
            self.report.hint = self.report.hint or f"found {', '.join(self.report.columns[:_MAX_NAMED])}"
        self.report.rows_folded = fold.folded
        self.report.rows_rejected += fold.rejected
        self.report.rows_mapped -= fold.rejected + (fold.folded if self._settings.duplicates != "last" else 0)

    def _keep_rows(self, block: Block, rejects: list[FileReject]) -> None:
        """Give the first reject of each row the row as it stands in the file."""
        sources = dict(zip(block.rows, block.records, strict=True))
        row = 0
        for place, reject in enumerate(rejects):
            if reject.row != row and self._rows_kept < MAX_ROWS_KEPT:
                row = reject.row
                source = sources[row]
                written = row_of((source,) if isinstance(source, dict) else source, self.report.columns)
                rejects[place] = replace(reject, record=written)
                self._rows_kept += 1

    def records(self) -> Iterator[Record]:
        """Yield the records as they stand in the file, instead of items; those that cannot be read are left out."""
        blocks, mapper = self._open(self._source, self.report, Doubts())
        if mapper is not None:
            for block in blocks:
                for row, source in zip(block.rows, block.records, strict=True):
                    # An item alone, or with what encloses it: to the reader of records always a tuple.
                    yield Record(row, (source,) if isinstance(source, dict) else source, block.suspect)

    def _open(self, source: Source, report: Report, doubts: Doubts) -> tuple[Iterator[Block], Mapper | None]:
        openers: dict[str, Any] = {"ftpCsv": open_csv, "xml": open_xml, "api": open_json}
        opened = openers[self._settings.resource_type](source, self._settings, report, self._charset, doubts)
        reader, mapper = opened
        return reader.blocks(), mapper

    def _contradictions(self) -> Collection[str]:
        """Return the kinds of numbers of which the whole file has some that do not fit the declared notation."""
        doubts = Doubts()
        try:
            blocks, mapper = self._open(self._source.again(), Report(), doubts)
            for block in blocks if mapper is not None else ():
                assert mapper is not None
                mapper.map_block(block)
        except UnseekableError:
            return KINDS
        return doubts.seen

    def _count(self, block: Block, mapped: Mapped) -> None:
        rejected = mapped.rejected + len(block.rejects)
        self.report.rows_read += len(mapped.items) + rejected
        self.report.rows_mapped += len(mapped.items)
        self.report.rows_rejected += rejected
        if self._lacks_quantity:
            self._bare += sum(each.field == QUANTITY and each.code == "required" for each in mapped.rejects)
            self._lacks_quantity = not mapped.quantities
        if not self._has_stock:
            self._has_stock = any(mapped.quantities)
            self.report.all_zero = not self._has_stock and (self.report.all_zero or 0 in mapped.quantities)
        self.report.attributes_skipped += sum(reject.skipped for reject in mapped.rejects)


def _told(rejects: list[FileReject]) -> list[FileReject]:
    """Return the rejects of rows that go into sums; those that may belong to any say so."""
    return [
        each
        if each.external_id or each.code == "no_item"
        else replace(each, message=f"{each.message}; the sum or maximum of its externalId lacks this row")
        for each in rejects
    ]


def _cut(waiting: Mapped) -> Chunk:
    chunk = Chunk(waiting.items[:MAX_ITEMS], waiting.rows[:MAX_ITEMS], waiting.rejects, waiting.rejected)
    del waiting.items[:MAX_ITEMS], waiting.rows[:MAX_ITEMS]
    waiting.rejects, waiting.rejected = [], 0
    return chunk
