"""The rows of a draft as the editor shows them: for each attribute what stands in the file above what it becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingest.api.shared.previews.drafts import steps
from ingest.feeds.mapping import Expression
from ingest.pages.drafting import CONSTANT, Mapped

SHOWN = 25


@dataclass(frozen=True, slots=True)
class Cell:
    """One attribute of one row; `wrong` says why its value was refused."""

    raw: Any
    value: Any
    wrong: str = ""
    code: str = ""
    was: Any = None
    changes: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the file; `wrong` are rejects that belong to no mapped attribute."""

    number: int
    outcome: str
    cells: list[Cell]
    wrong: list[str]
    raw: Mapping[str, Any]


def lines(rows: Sequence[Any], parts: Sequence[Mapped], show: str, find: str) -> list[Line]:
    """Return the rows to show: `show` is "", "rejects" or "changes"; `find` a row's number or part of a value."""
    wanted = [row for row in rows if _wanted(row, show) and _matches(row, find.strip().lower())]
    return [_line(row, parts) for row in wanted[:SHOWN]]


def detail(row: Any, parts: Sequence[Mapped], mapping: Mapping[str, Any], notation: str) -> list[tuple[str, Any, Any]]:
    """Return a row's mapped attributes with the value after each transform: (attribute, raw, [(step, value)])."""
    found = []
    for part in parts:
        if part.source == CONSTANT or not part.steps:
            continue
        expression = mapping[part.attribute]
        compiled = Expression.model_validate(expression if isinstance(expression, dict) else {"path": expression})
        raw = _raw(row, part)
        found.append((part.attribute, raw, steps(compiled, part.attribute, raw, notation)))
    return found


def _wanted(row: Any, show: str) -> bool:
    if show == "rejects":
        return bool(row.outcome == "rejected")
    return show != "changes" or row.outcome in {"created", "updated"}


def _matches(row: Any, find: str) -> bool:
    if not find:
        return True
    if find.isdecimal() and int(find) == row.row:
        return True
    return any(find in str(value).lower() for value in (*row.raw.values(), *(row.item or {}).values()))


def _line(row: Any, parts: Sequence[Mapped]) -> Line:
    rejects = {reject["field"]: reject for reject in row.rejects}
    changes = {change["field"]: change for change in row.changes}
    cells = []
    for part in parts:
        reject, change = rejects.pop(part.attribute, None), changes.get(part.attribute)
        value = (row.item or {}).get(part.attribute)
        wrong, code = (reject["message"], reject["code"]) if reject else ("", "")
        cells.append(Cell(_raw(row, part), value, wrong, code, change and change["stored"], change is not None))
    return Line(row.row, row.outcome, cells, [reject["message"] for reject in rejects.values()], row.raw)


def _raw(row: Any, part: Mapped) -> Any:
    if part.source == CONSTANT:
        return part.constant
    if part.source in row.raw:
        return row.raw[part.source]
    names = list(row.raw)
    position = int(part.source) - 1 if part.source.isdecimal() else -1
    return row.raw[names[position]] if 0 <= position < len(names) else None
