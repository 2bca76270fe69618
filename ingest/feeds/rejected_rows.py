"""The refused rows of a file as the vendor wrote them, with what is wrong beside each. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

COLUMNS = ("wrongColumn", "wrong")
_Name = tuple[str, int]
"""A column's name, and how many of the same name stand before it."""
_Row = tuple[dict[_Name, str], dict[str, None], list[str]]


def rejected_rows(rejects: Iterable[Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Return header and rows of a table from rows of `run_rejects`: the file's own columns, and two behind them.

    A row that was refused for several reasons stands there once. One that could not be kept as it stands in the file
    has its key, if that is known, in the reason alone.
    """
    names: dict[_Name, None] = {}
    rows: dict[int, _Row] = {}
    for reject in rejects:
        if reject["skipped"]:
            continue
        cells, columns, reasons = rows.setdefault(reject["row_number"], ({}, {}, []))
        before: Counter[str] = Counter()
        for name, text in orjson.loads(reject["record"] or "[]"):
            cells[name, before[name]] = text
            names.setdefault((name, before[name]))
            before[name] += 1
        if reject["source"]:
            columns.setdefault(reject["source"])
        key = f" ({reject['external_id']})" if reject["external_id"] and not cells else ""
        reasons.append(f"row {reject['row_number']}{key}: {reject['message']}")
    table = [
        [*(cells.get(name, "") for name in names), ", ".join(columns), "; ".join(reasons)]
        for cells, columns, reasons in rows.values()
    ]
    return [*(name for name, _ in names), *COLUMNS], table
