"""The benchmark's figures as a table for people and as JSON for machines: the median of all rounds, and the spread."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from textwrap import fill
from typing import Any

import orjson
from tabulate import tabulate

_HEADERS = ("figure", "median", "spread", "unit", "ratio", "target")
_COLUMN = 14
"""Letters of a line of a column's name."""


@dataclass(slots=True)
class Figure:
    """One figure: a value a round; `ratios` are to its yardstick in the same round.

    `target` is what the ratio (if it has one) or the value should reach, `least` whether from below. `cell` is where it
    is told if it is a part of others: the title of a table, the row, and the column.
    """

    name: str
    unit: str
    values: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    target: float | None = None
    least: bool = True
    cell: tuple[str, str, str] | None = None

    @property
    def value(self) -> float:
        """The median."""
        return median(self.values)

    @property
    def ratio(self) -> float | None:
        """The median of the rounds' ratios."""
        return median(self.ratios) if self.ratios else None

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None where there is none."""
        if self.target is None:
            return None
        told = self.value if self.ratio is None else self.ratio
        return told >= self.target if self.least else told <= self.target

    def cells(self) -> tuple[str, ...]:
        """Return name, median, spread, unit, ratio and target as they are told."""
        return (
            self.name,
            shown(self.value),
            f"{shown(min(self.values))} to {shown(max(self.values))}" if len(self.values) > 1 else "",
            self.unit,
            "" if self.ratio is None else f"{self.ratio:.2f}",
            "" if self.target is None else f"{'≥' if self.least else '≤'} {self.target:g}",
        )


@dataclass(slots=True)
class Report:
    """The figures of one run, and the machine they were measured on."""

    machine: dict[str, Any]
    figures: dict[str, Figure] = field(default_factory=dict)

    def add(self, name: str, value: float, unit: str, *, of: float | None = None) -> None:
        """Add a round of a figure without a target, and its ratio to `of` if that is given."""
        figure = self._figure(name, unit)
        figure.values.append(value)
        if of is not None:
            figure.ratios.append(value / of)

    def at_least(self, name: str, value: float, unit: str, *, of: float, target: float) -> None:
        """Add a round of a figure whose ratio to `of` should be at least `target`."""
        self.add(name, value, unit, of=of)
        self._figure(name, unit).target = target

    def below(self, name: str, value: float, unit: str, *, target: float) -> None:
        """Add a round of a figure that should stay below `target`."""
        figure = self._figure(name, unit)
        figure.values.append(value)
        figure.target, figure.least = target, False

    def part(self, cell: tuple[str, str, str], value: float, unit: str) -> None:
        """Add a round of a figure that others are made of, told in a table of such: title, row and column."""
        _, row, column = cell
        figure = self._figure(f"  {column}, {row}", unit)
        figure.values.append(value)
        figure.cell = cell

    def _figure(self, name: str, unit: str) -> Figure:
        return self.figures.setdefault(name, Figure(name, unit))

    def table(self) -> str:
        """Return the tables that `make bench` prints: the figures, then what they are made of."""
        rows = [
            (*figure.cells(), {None: "", True: "met", False: "MISSED"}[figure.met])
            for figure in self.figures.values()
            if figure.cell is None
        ]
        align = ("left", "right", "left", "left", "right", "left", "left")
        whole = tabulate(rows, headers=(*_HEADERS, ""), colalign=align, disable_numparse=True, preserve_whitespace=True)
        return "\n\n".join([str(whole), *self._parts()])

    def _parts(self) -> Iterator[str]:
        """Return a table for each title, of the medians."""
        cells = {one.cell: one for one in self.figures.values() if one.cell}
        for title in dict.fromkeys(title for title, _, _ in cells):
            mine = [(row, column) for of, row, column in cells if of == title]
            rows, columns = (list(dict.fromkeys(names)) for names in zip(*mine, strict=True))
            lines = [
                (row, *(shown(one.value) if (one := cells.get((title, row, column))) else "" for column in columns))
                for row in rows
            ]
            units = {column: next(one.unit for at, one in cells.items() if at[2] == column) for column in columns}
            headers = (title, *(fill(f"{column}, {units[column]}", _COLUMN) for column in columns))
            align = ("left", *("right" for _ in columns))
            yield str(tabulate(lines, headers=headers, colalign=align, disable_numparse=True))

    def write(self, path: Path) -> None:
        """Write machine and figures as JSON."""
        figures = [
            {"name": one.name, "unit": one.unit, "value": one.value, "values": one.values, "ratio": one.ratio}
            | {"ratios": one.ratios, "target": one.target, "met": one.met}
            for one in self.figures.values()
        ]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(orjson.dumps({"machine": self.machine, "figures": figures}, option=orjson.OPT_INDENT_2))


def shown(value: float) -> str:
    """Return a value with as many digits as it deserves."""
    if abs(value) >= 100:  # noqa: PLR2004 - three digits are enough
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"  # noqa: PLR2004


def machine() -> dict[str, Any]:
    """Return what the figures were measured on."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
    return {
        "cpu": cpu[1] if cpu else platform.machine(),
        "cores": os.cpu_count(),
        "memoryGb": round(int(memory[1]) / 2**20) if memory else None,
        "system": platform.platform(),
        "python": platform.python_version(),
    }
