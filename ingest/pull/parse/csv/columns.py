"""Which column of a CSV file each source path means, and the mapping of a file whose columns are named like attributes.

A name is found as written, else whatever its case, spaces and signs: `vendorSku`, `vendor_sku` and Onport's export name
"Vendor SKU" are one. A name that stands twice means neither column: `stock[2]`, or a position, chooses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ingest.feeds.mapping import Expression, FormatSettings
from ingest.pull.mapping.doubts import Doubts
from ingest.pull.mapping.mapper import Mapper, paths_of
from ingest.pull.parse.csv.expected import Expected
from ingest.pull.parse.csv.opening import Opened, open_rows
from ingest.pull.parse.csv.reader import CsvReader, Table
from ingest.pull.parse.csv.shape import makeup
from ingest.pull.parse.names import LOOSE_ATTRIBUTES, loose
from ingest.pull.parse.source import Source
from ingest.pull.records import MAX_FIELDS_NOTED, FormatError, Report
from schemas.items import COLUMNS, KEY

_LONGEST_LAYOUT = 2_000
_NUMBERED = re.compile(r"(.+)\[([1-9]\d{0,3})\]")


def _without_number(path: str) -> str:
    numbered = _NUMBERED.fullmatch(path)
    return path if numbered is None else str(numbered[1])


def open_csv(
    source: Source, settings: FormatSettings, report: Report, charset: str | None, doubts: Doubts
) -> tuple[CsvReader, Mapper | None]:
    """Return the reader of a file, past its header, and its mapper; None for an empty file. Raises FormatError."""
    wanted = {loose(_without_number(str(path))) for path in paths_of(settings.mapping)} or set(LOOSE_ATTRIBUTES)
    opened = open_rows(source, settings, report, charset, lambda name: loose(name) in wanted)
    if not opened.names:
        return opened.reader, None
    try:
        mapping = settings.mapping or _named_like_attributes(opened.names, settings)
        positions = _positions(mapping, opened.names, settings)
    except FormatError as error:
        raise FormatError(f"{error}{opened.hint()}") from None
    used = {position for position in positions if position is not None}
    report.ignored = [name for at, name in enumerate(opened.names) if at not in used][:MAX_FIELDS_NOTED]
    expected = _expected(mapping, dict(zip(paths_of(mapping), positions, strict=True)))
    report.layout = _layout(paths_of(mapping), opened.names, settings)
    if all(isinstance(path, int) for path in paths_of(mapping)):
        _refuse_item(opened, expected)
    opened.expect(expected)
    return opened.reader, Mapper(settings, mapping, _extract(positions), doubts)


def _layout(paths: Sequence[str | int], names: Sequence[str], settings: FormatSettings) -> str | None:
    """Return what stands where positions are mapped: the names of their columns, or how many columns there are."""
    if not settings.csv_has_header:
        return f"{len(names)} columns"
    positions = sorted(path for path in paths if isinstance(path, int) and path <= len(names))
    return ", ".join(f"{position} {names[position - 1]!r}" for position in positions)[:_LONGEST_LAYOUT] or None


def _refuse_item(opened: Opened, expected: Expected) -> None:
    """Raise FormatError when an item stands where the header should, which positions do not find out."""
    header, key = opened.header, expected.key
    if not header or key is None or not expected.is_row(header, len(header)):
        return
    if any(makeup(row[key]) == makeup(header[key]) for row in opened.behind if len(row) > key):
        raise FormatError(
            f"the header seems to be an item ({', '.join(header)[:80]}): set csvHasHeader to false if the file has "
            "none, or csvSkipRows to what stands before it"
        )


def _named_like_attributes(header: list[str], settings: FormatSettings) -> dict[str, Expression]:
    if not settings.csv_has_header:
        raise FormatError('a file without a header needs a mapping by position, such as {"externalId": 1}')
    found: dict[str, int] = {}
    for position, name in enumerate(header):
        attribute = LOOSE_ATTRIBUTES.get(loose(name))
        if attribute is not None and found.setdefault(attribute, position) != position:
            positions = f"{found[attribute] + 1} and {position + 1}"
            raise FormatError(f"two columns are named {attribute}, at positions {positions}: set a mapping")
    if KEY not in found:
        raise FormatError(f"no column is named {KEY}: {_list(header)}; set a mapping")
    return {attribute: Expression(path=header[position]) for attribute, position in found.items()}


class _Names:
    """The columns of a header by name."""

    def __init__(self, header: list[str]) -> None:
        self._exact: dict[str, list[int]] = {}
        self._loose: dict[str, list[int]] = {}
        for position, name in enumerate(header):
            self._exact.setdefault(name, []).append(position)
            self._loose.setdefault(loose(name), []).append(position)

    def find(self, path: str, attribute: str) -> int | None:
        """Return the position of a column; raises FormatError when several have its name."""
        name = path.strip()
        numbered = None if name in self._exact else _NUMBERED.fullmatch(name)
        if numbered is not None:
            name, number = numbered[1].strip(), int(numbered[2])
        found = self._exact.get(name) or (self._loose.get(loose(name), []) if loose(name) else [])
        if numbered is not None:
            return found[number - 1] if number <= len(found) else None
        if len(found) > 1:
            positions = " and ".join(str(position + 1) for position in found)
            raise FormatError(
                f"{len(found)} columns are named {name!r}, at positions {positions}: which one is {attribute}? "
                f"Map the position, or {name}[1], {name}[2]"
            )
        return found[0] if found else None


def _positions(mapping: Mapping[str, Expression], header: list[str], settings: FormatSettings) -> list[int | None]:
    names = _Names(header)
    found: dict[str | int, int | None] = {}
    for attribute, expression in mapping.items():
        for path in expression.paths:
            if isinstance(path, int) or not settings.csv_has_header:
                found[path] = int(path) - 1 if int(path) <= len(header) else None
            else:
                found[path] = names.find(path, attribute)
        paths = expression.paths
        if paths and expression.default is None and all(found[path] is None for path in paths):
            listed = ", ".join(repr(path) for path in paths)
            raise FormatError(f"no column {listed} for {attribute}: {_list(header)}")
    return [found[path] for path in paths_of(mapping)]


def _expected(mapping: Mapping[str, Expression], positions: Mapping[str | int, int | None]) -> Expected:
    def of(attribute: str) -> list[int]:
        paths = mapping[attribute].paths if attribute in mapping else ()
        return [position for path in paths if (position := positions[path]) is not None]

    key = of(KEY)
    plain = [name for name in mapping if not mapping[name].transforms and COLUMNS[name].kind in ("whole", "decimal")]
    numbers = [position for name in plain for position in of(name)]
    needed = of("inventoryQuantity") or numbers or [position for name in mapping for position in of(name)]
    witness = next((position for position in needed if position not in key), None)
    mapped = frozenset(position for position in positions.values() if position is not None)
    return Expected(mapped, key[0] if key else None, tuple(numbers), max([*key, *needed], default=0), witness)


def _list(header: list[str]) -> str:
    shown = ", ".join(repr(name[:60]) for name in header[:20])
    return f"the file's {len(header)} columns are {shown}" + (", …" if len(header) > 20 else "")  # noqa: PLR2004


def _extract(positions: list[int | None]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    def extract(records: Any) -> Sequence[Any]:
        columns = records.columns if isinstance(records, Table) else list(zip(*records, strict=True))
        return [None if position is None else columns[position] for position in positions]

    return extract
