"""The beginning of a feed's file, before anything is published: items, rejects, what was detected, what there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from ingest.feeds.mapping import Expression, FormatSettings
from ingest.pull.parse import FormatError, Record, Report, parse, read_records
from ingest.pull.parse.written import values_of
from schemas.outcomes import shown

MAX_RECORDS = 1_000
"""Records that a preview reads at most."""
MAX_REJECTS, MAX_COLUMNS, SAMPLED_RECORDS, SAMPLES = 100, 200, 50, 3
MAX_CELLS = 60
"""Values of one record that are shown as they stand."""


@dataclass(slots=True)
class Beginning:
    """The beginning of a file: `items` with their rows, reasons of rejects, sample values by column or path.

    `raw` are the first rows as they stand in the file: values by column or path, cut.
    """

    report: Report = field(default_factory=Report)
    items: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    rejects: list[dict[str, Any]] = field(default_factory=list)
    columns: dict[str, list[Any]] = field(default_factory=dict)
    raw: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    error: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as an object for JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Self:
        """Return what `as_json` wrote."""
        pairs = {name: [(row, values) for row, values in raw[name]] for name in ("items", "raw")}
        return cls(**{**raw, "report": Report(**raw["report"]), **pairs})


def look(opener: Callable[[], Any], form: FormatSettings, charset: str | None, most_items: int) -> Beginning:
    """Read the beginning of a file. Blocks; raises what opening and reading it raises.

    What is wrong with the settings is told in `error`, beside the columns that were found: they help to mend them.
    """
    looked = Beginning()
    parsing = parse(opener, form, charset=charset, limit=MAX_RECORDS)
    try:
        for chunk in parsing:
            looked.items.extend(list(zip(chunk.rows, chunk.items, strict=True))[: most_items - len(looked.items)])
            looked.rejects.extend(reject.as_json() for reject in chunk.rejects[: MAX_REJECTS - len(looked.rejects)])
    except FormatError as error:
        looked.error = str(error)
    looked.report = parsing.report
    if looked.report.rows_read == 0:  # a wrong itemPath is told with the paths that there are, as by a run
        looked.error = looked.error or looked.report.hint
    looked.error = looked.error or looked.report.lacking
    # A mapping that fits every file: a wrong one must not keep its columns from being seen.
    any_file = form.model_copy(update={"mapping": {"externalId": Expression(constant="any")}})
    try:
        _sample(read_records(opener, any_file, charset=charset), looked, most_items)
    except FormatError as error:
        looked.error = looked.error or str(error)
    return looked


def _sample(records: Iterator[Record], looked: Beginning, most_rows: int) -> None:
    """Collect sample values of the first records by column or path, and `most_rows` records as they stand."""
    for name in looked.report.columns:
        looked.columns[name] = []
    for number, record in enumerate(records):
        if number >= max(SAMPLED_RECORDS, most_rows):
            return
        cells: dict[str, Any] = {}
        for name, value in values_of(record.source, looked.report.columns):
            if len(cells) < MAX_CELLS:
                cells.setdefault(name, shown(value))
            if number >= SAMPLED_RECORDS:
                continue
            if name not in looked.columns and len(looked.columns) >= MAX_COLUMNS:
                continue
            samples = looked.columns.setdefault(name, [])
            if value not in (None, "") and len(samples) < SAMPLES and (brief := shown(value)) not in samples:
                samples.append(brief)
        if number < most_rows:
            looked.raw.append((record.row, cells))
