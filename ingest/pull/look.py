"""What a feed's file would give, before anything is published: items, rejects, what was detected, what would change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from ingest.feeds.mapping import Expression, FormatSettings
from ingest.pull.fetch import ContentLimits, Fetched, open_content
from ingest.pull.parse import FormatError, Record, Report, parse, read_records
from ingest.pull.parse.files import wanted_of
from schemas.comparison import differences
from schemas.items import shown

MAX_RECORDS = 1_000
"""Records that a preview reads at most."""
MAX_REJECTS, MAX_COLUMNS, SAMPLED_RECORDS, SAMPLES, MAX_DEPTH = 100, 200, 50, 3, 5


@dataclass(slots=True)
class Looked:
    """The beginning of a file: `items` with their rows, reasons of rejects, sample values by column or path."""

    report: Report = field(default_factory=Report)
    items: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    rejects: list[dict[str, Any]] = field(default_factory=list)
    columns: dict[str, list[Any]] = field(default_factory=dict)
    error: str | None = None


def look(fetched: Fetched, form: FormatSettings, most_items: int, limits: ContentLimits) -> Looked:
    """Read the beginning of a fetched file. Blocks; raises `FetchError` when it cannot be decompressed.

    What is wrong with the settings is told in `error`, beside the columns that were found: they help to mend them.
    """
    looked = Looked()

    def content() -> AbstractContextManager[BinaryIO]:
        encoding = fetched.content_encoding
        return open_content(fetched.path, content_encoding=encoding, wanted=wanted_of(form), limits=limits)

    with content() as stream:
        parsing = parse(stream, form, charset=fetched.charset, limit=MAX_RECORDS)
        try:
            for chunk in parsing:
                looked.items.extend(list(zip(chunk.rows, chunk.items, strict=True))[: most_items - len(looked.items)])
                looked.rejects.extend(reject.as_json() for reject in chunk.rejects[: MAX_REJECTS - len(looked.rejects)])
        except FormatError as error:
            looked.error = str(error)
        looked.report = parsing.report
    # A mapping that fits every file: a wrong one must not keep its columns from being seen.
    any_file = form.model_copy(update={"mapping": {"externalId": Expression(constant="-")}})
    try:
        with content() as stream:
            _sample(read_records(stream, any_file, charset=fetched.charset), looked)
    except FormatError as error:
        looked.error = looked.error or str(error)
    return looked


def would_change(item: Mapping[str, Any], stored: Any | None) -> tuple[str, list[dict[str, Any]]]:
    """Return the outcome that an item would have, and its changes as `{"field", "stored", "new"}`.

    `stored` is a row of the query `stored_items`; None when nothing is stored.
    """
    if stored is None:
        return "created", []
    changes = [
        {"field": name, "stored": before, "new": after}
        for name, before, after in differences(item, stored, stored["details"])
    ]
    return ("updated" if changes else "unchanged"), changes


def _sample(records: Iterator[Record], looked: Looked) -> None:
    """Collect sample values of the first records by column or path."""
    for name in looked.report.columns:
        looked.columns[name] = []
    for number, record in enumerate(records):
        if number >= SAMPLED_RECORDS:
            return
        for name, value in _values(record.source, looked.report.columns):
            if name not in looked.columns and len(looked.columns) >= MAX_COLUMNS:
                continue
            samples = looked.columns.setdefault(name, [])
            if value not in (None, "") and len(samples) < SAMPLES and (brief := shown(value)) not in samples:
                samples.append(brief)


def _values(source: Any, columns: list[str]) -> Iterator[tuple[str, Any]]:
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
