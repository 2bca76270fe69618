"""Which column of a CSV file each source path means, and the mapping of a file whose columns are named like attributes.

A name is found as written, else whatever its case, spaces and signs: `vendorSku`, `vendor_sku` and Onport's export name
"Vendor SKU" are one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ingest.feeds.mapping import Expression, FormatSettings
from ingest.pull.mapping.mapper import Mapper, paths_of
from ingest.pull.mapping.values import Doubts
from ingest.pull.parse.csv.reader import CsvReader, Table
from ingest.pull.parse.names import LOOSE_ATTRIBUTES, loose
from ingest.pull.parse.source import Source
from ingest.pull.records import MAX_FIELDS_NOTED, FormatError, Report


def open_csv(
    source: Source, settings: FormatSettings, report: Report, charset: str | None, doubts: Doubts
) -> tuple[CsvReader, Mapper | None]:
    """Return the reader of a file, past its header, and its mapper; None for an empty file. Raises FormatError."""
    wanted = {loose(str(path)) for path in paths_of(settings.mapping)} or set(LOOSE_ATTRIBUTES)
    reader = CsvReader(source, settings, report, lambda name: loose(name) in wanted, charset)
    header = reader.header()
    if not header:
        return reader, None
    mapping = settings.mapping or _named_like_attributes(header, settings)
    positions = _positions(mapping, header, settings)
    used = {position for position in positions if position is not None}
    report.ignored = [name for at, name in enumerate(header) if at not in used][:MAX_FIELDS_NOTED]
    return reader, Mapper(settings, mapping, _extract(positions), doubts)


def _named_like_attributes(header: list[str], settings: FormatSettings) -> dict[str, Expression]:
    if not settings.csv_has_header:
        raise FormatError('a file without a header needs a mapping by position, such as {"externalId": 1}')
    found: dict[str, Expression] = {}
    for position, name in enumerate(header):
        attribute = LOOSE_ATTRIBUTES.get(loose(name))
        if attribute is not None and attribute not in found:
            found[attribute] = Expression(path=position + 1 if header.index(name) != position else name)
    if "externalId" not in found:
        raise FormatError(f"no column is named externalId: {_list(header)}; set a mapping")
    return found


def _positions(mapping: Mapping[str, Expression], header: list[str], settings: FormatSettings) -> list[int | None]:
    exact = {name: position for position, name in reversed(list(enumerate(header)))}
    loosely = {loose(name): position for position, name in reversed(list(enumerate(header)))}
    found: dict[str | int, int | None] = {}
    for path in paths_of(mapping):
        if isinstance(path, int) or not settings.csv_has_header:
            found[path] = int(path) - 1 if int(path) <= len(header) else None
        else:
            found[path] = exact.get(path.strip(), loosely.get(loose(path)) if loose(path) else None)
    for attribute, expression in mapping.items():
        paths = expression.paths
        if paths and expression.default is None and all(found[path] is None for path in paths):
            names = ", ".join(repr(path) for path in paths)
            raise FormatError(f"no column {names} for {attribute}: {_list(header)}")
    return list(found.values())


def _list(header: list[str]) -> str:
    shown = ", ".join(repr(name[:60]) for name in header[:20])
    return f"the file's {len(header)} columns are {shown}" + (", …" if len(header) > 20 else "")  # noqa: PLR2004


def _extract(positions: list[int | None]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    def extract(records: Any) -> Sequence[Any]:
        columns = records.columns if isinstance(records, Table) else list(zip(*records, strict=True))
        return [None if position is None else columns[position] for position in positions]

    return extract
