"""The benchmark's figures as a table for people and as JSON for machines."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson
from tabulate import tabulate


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure; `ratio` is to its yardstick, `target` what the ratio or value should reach."""

    name: str
    value: float
    unit: str
    ratio: float | None = None
    target: str = ""
    met: bool | None = None


@dataclass(slots=True)
class Report:
    """The figures of one run, and the machine they were measured on."""

    machine: dict[str, Any]
    figures: list[Figure] = field(default_factory=list)

    def add(self, name: str, value: float, unit: str) -> None:
        """Add a figure that stands for itself."""
        self.figures.append(Figure(name, value, unit))

    def at_least(self, name: str, value: float, unit: str, *, of: float, target: float) -> None:
        """Add a figure whose ratio to `of` should be at least `target`."""
        ratio = value / of
        self.figures.append(Figure(name, value, unit, ratio, f"≥ {target:g}", ratio >= target))

    def below(self, name: str, value: float, unit: str, *, target: float) -> None:
        """Add a figure that should stay below `target`."""
        self.figures.append(Figure(name, value, unit, None, f"< {target:g} {unit}", value < target))

    def table(self) -> str:
        """Return the table that `make bench` prints."""
        rows = [
            (
                figure.name,
                f"{figure.value:,.0f}" if figure.value >= 100 else f"{figure.value:,.1f}",  # noqa: PLR2004
                figure.unit,
                "" if figure.ratio is None else f"{figure.ratio:.2f}",
                figure.target,
                {None: "", True: "met", False: "MISSED"}[figure.met],
            )
            for figure in self.figures
        ]
        table: str = tabulate(
            rows,
            headers=("figure", "value", "unit", "ratio", "target", ""),
            colalign=("left", "right", "left", "right", "left", "left"),
            disable_numparse=True,
        )
        return table

    def write(self, path: Path) -> None:
        """Write machine and figures as JSON."""
        content = {"machine": self.machine, "figures": [asdict(figure) for figure in self.figures]}
        path.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))
