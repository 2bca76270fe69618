"""What parsing gives: chunks of canonical items with their rows, rejects, and a report on the file as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import orjson

from schemas.errors import Rejected

BLOCK_BYTES = 1 << 16
"""The stream is read in blocks of this size, so that nothing depends on how its bytes arrived."""
MAX_RECORD_BYTES = 4 << 20
"""A larger record is refused; the largest that memory is held for."""
MAX_ROWS_KEPT = 1_000
"""Refused rows of a file that are kept as they stand in it."""
MAX_FIELDS_NOTED = 200
"""Names of columns or paths that a report lists at most."""


Doubt = Literal["truncated", "encoding"]
"""Why a file as a whole is not to be trusted, as the guard calls it."""


class FormatError(Rejected):
    """The file as a whole cannot be read with the feed's settings; the message says what to set or mend."""


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Any = _Missing()
"""The value of a source that a record does not have: the attribute is omitted, so the stored value is kept."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The value of a source that is there and cannot be read; `code` is of the closed list in `docs/pull.md`.

    `written` is what stands there, where that is a text.
    """

    code: str
    message: str
    written: str = ""

    def __str__(self) -> str:
        return self.written

    def strip(self) -> str:
        """Refuse to be taken for text where a whole column is."""
        raise TypeError


@dataclass(frozen=True, slots=True)
class FileReject:
    """Why one record, or one value of it, was refused.

    `row` counts from 1 as a person does: a spreadsheet's row of a CSV file (its header is row 1), the n-th item of XML
    or JSON. `field` is the item attribute, `column` the column or path it came from, `value` what stood there (cut).
    `external_id` is the clean key wherever it is known or can be recovered: a rejected row is not a missing item.
    `skipped`: the attribute alone was left out (`badAttributes`), and the item goes on.
    `record`: the whole row as it stands in the file (`ingest.pull.parse.written.Row`); of a row's reasons the first has
    it, of the first `MAX_ROWS_KEPT` rows.
    """

    row: int
    external_id: str | None
    field: str | None
    column: str | None
    code: str
    message: str
    value: Any = None
    skipped: bool = False
    record: list[tuple[str, str]] | None = None

    def as_json(self) -> dict[str, Any]:
        """Return what receipts, runs and previews carry; `index` is the row."""
        return {
            "index": self.row,
            "externalId": self.external_id,
            "field": self.field,
            "column": self.column,
            "code": self.code,
            "message": self.message,
            "value": self.value,
            "skipped": self.skipped,
        }


def reject_from_json(raw: dict[str, Any]) -> FileReject:
    """Return the reject that `FileReject.as_json` wrote, with its row, if that is there too, as `record`."""
    names = ("index", "externalId", "field", "column", "code", "message", "value", "skipped")
    record = raw.get("record")
    values = [*(raw[name] for name in names), record and [(name, text) for name, text in record]]
    return FileReject(*values)


@dataclass(slots=True)
class Block:
    """Records as a reader gives them: `records[k]` stands at `rows[k]` and is valid until the next block is asked for.

    A CSV record is a list of texts, an XML one an element, a JSON one a tuple of the item and the objects that enclose
    it, innermost first. Records that are alike may be held as columns, to be iterated. `suspect` is set when a text may
    hold U+0000 or bytes that could not be decoded.
    """

    rows: list[int]
    records: Any
    rejects: list[FileReject] = field(default_factory=list)
    suspect: bool = False


@dataclass(slots=True)
class Record:
    """One record: its row and raw source (see `Block`; of JSON always a tuple), valid until the next is asked for."""

    row: int
    source: Any
    suspect: bool = False


@dataclass(slots=True)
class Chunk:
    """Up to 50 canonical items, written as JSON; `written[k]` came from `rows[k]`. `rejected` counts records, `rejects`
    reasons.
    """

    written: list[str]
    rows: list[int]
    rejects: list[FileReject] = field(default_factory=list)
    rejected: int = 0

    @property
    def count(self) -> int:
        """Return the number of items."""
        return len(self.written)

    @property
    def items(self) -> list[dict[str, Any]]:
        """Return the items."""
        found: list[dict[str, Any]] = orjson.loads(self.json())
        return found

    def json(self) -> bytes:
        """Return the items as a JSON array."""
        return f"[{','.join(self.written)}]".encode()


@dataclass(frozen=True, slots=True)
class EncodedChunks:
    """Chunks as the parsing process gives them: `lines` is a JSON array of items and rows a chunk, to be stored as it
    is; of each line, its items are so many bytes behind the first one, as `sizes` says.
    """

    count: int
    lines: bytes
    sizes: list[int]
    rejects: list[FileReject]
    rejected: int

    def decoded(self) -> Iterator[tuple[list[dict[str, Any]], list[int]]]:
        """Yield the items and rows of each chunk."""
        for line in self.lines.splitlines():
            items, rows = orjson.loads(line)
            yield items, rows

    def items(self) -> Iterator[bytes]:
        """Yield the items of each chunk as JSON."""
        for line, size in zip(self.lines.splitlines(), self.sizes, strict=True):
            yield line[1 : 1 + size]


@dataclass(slots=True)
class RowCounts:
    """What became of the rows of a file.

    `rows_read` were mapped, rejected, or folded into another row of their key; with `duplicates: last` those that are
    counted as folded are mapped too, and the road lets the last one stand.
    """

    rows_read: int = 0
    rows_mapped: int = 0
    rows_rejected: int = 0
    rows_folded: int = 0
    attributes_skipped: int = 0


@dataclass(slots=True)
class Report(RowCounts):
    """What is known of the file; complete when the last chunk has been taken.

    `complete` is false, with `reason` and `doubt`, when the file ends or breaks off before its end, or its encoding
    cannot be told; `encoding_guessed` says that nothing but its letters speaks for it. `page_fields` are the values
    outside the items of a JSON document by path (`meta.next`), for pagination. `ignored` are columns or fields that no
    attribute takes; `hint` helps when a whole file has no item.
    `entries` counts what JSON has where `itemPath` leads to, up to its first `[*]`; None: there is no such place,
    which is not the same as an empty one. `lacking` says that no item has a quantity, though the mapping names its
    source: a field that the vendor renamed, say; `all_zero` that all quantities there are were 0. `layout` is what
    stands at the positions that are mapped, by which another file is told that has its columns in other places.
    """

    complete: bool = True
    reason: str | None = None
    doubt: Doubt | None = None
    hint: str | None = None
    encoding: str | None = None
    encoding_guessed: bool = False
    delimiter: str | None = None
    columns: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    page_fields: dict[str, Any] = field(default_factory=dict)
    entries: int | None = None
    lacking: str | None = None
    all_zero: bool = False
    layout: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the report as an object for JSON, with these names."""
        return asdict(self)

    def break_off(self, reason: str, doubt: Doubt = "truncated") -> None:
        """Note that the file is not whole, or in doubt otherwise; the first reason stays."""
        if self.complete:
            self.complete, self.reason, self.doubt = False, reason, doubt


def blocks_of(stream: Any, size: int = BLOCK_BYTES) -> Iterator[bytes]:
    """Yield a stream's bytes in blocks of `size`, the last one shorter; `stream` has `read(n)` or yields bytes."""
    if hasattr(stream, "read"):
        parts: Iterator[bytes] = iter(lambda: stream.read(size), b"")
    else:
        parts = iter(stream)
    waiting, length = [], 0
    for part in parts:
        if length == 0 and len(part) == size:
            yield part
            continue
        waiting.append(part)
        length += len(part)
        if length >= size:
            joined = b"".join(waiting)
            whole = length - length % size
            for start in range(0, whole, size):
                yield joined[start : start + size]
            waiting, length = [joined[whole:]], length - whole
    if length:
        yield b"".join(waiting)
