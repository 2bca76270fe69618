"""Records as they stand in the file: what each column or path holds, for previews and for rows that are refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, zip_longest
from typing import Any

MAX_DEPTH = 5
MAX_ROW_CHARACTERS = 4_096
"""A longer row is not kept."""
_MAX_CELLS = 200
Row = list[tuple[str, str]]
"""Names of columns, or paths, with the text of each, in the file's order."""


def row_of(source: Any, columns: Sequence[str]) -> Row | None:
    """Return a record (see `Record`) as it stands in the file; None if that is too long to be kept."""
    return _bounded([(name, _text(value)) for name, value in islice(values_of(source, columns), _MAX_CELLS)])


def row_of_cells(cells: Sequence[str], columns: Sequence[str]) -> Row | None:
    """Return a row of a CSV file whose cells do not match the header: those past it are named by their position."""
    names = [*columns, *(f"column {place + 1}" for place in range(len(columns), len(cells)))]
    return _bounded([(name, _text(cell)) for name, cell in zip_longest(names, cells[:_MAX_CELLS], fillvalue="")])


def values_of(source: Any, columns: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Yield the values of a record (see `Record`) by column or path; `columns` are a CSV file's."""
    if isinstance(source, list):
        yield from zip(columns, source, strict=False)
    elif isinstance(source, tuple):
        yield from _json_values(source[0], "", MAX_DEPTH)
    else:
        yield from _xml_values(source, "", MAX_DEPTH)


def _json_values(value: Any, path: str, depth: int) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and depth:
        for name, inner in value.items():
            step = name if name.isidentifier() else f"['{name}']"
            yield from _json_values(inner, f"{path}.{step}" if path and step == name else f"{path}{step}", depth - 1)
    elif isinstance(value, list) and depth:
        for inner in value[:1]:
            yield from _json_values(inner, f"{path}[0]", depth - 1)
    else:
        yield path, value


def _xml_values(element: Any, path: str, depth: int) -> Iterator[tuple[str, Any]]:
    for name, value in element.attrib.items():
        yield f"{path}@{_local(name)}", value
    children = [child for child in element if isinstance(child.tag, str)]
    if path and not children:
        yield path.removesuffix("/"), (element.text or "").strip()
    for child in children if depth else ():
        prefix = f"{child.prefix}:" if child.prefix else ""
        yield from _xml_values(child, f"{path}{prefix}{_local(child.tag)}/", depth - 1)


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _text(value: Any) -> str:
    text = "" if value is None else value if isinstance(value, str) else str(value)
    return text.encode("utf-8", "replace").decode()


def _bounded(row: Row) -> Row | None:
    return row if sum(len(name) + len(text) for name, text in row) <= MAX_ROW_CHARACTERS else None
