"""The table of what was measured: written by `make test-fleet`, put into docs/fleet.md by `make fleet-figures`."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tabulate import tabulate

from tests.fleet.load import Gaps

CHECKOUT = Path(__file__).parents[2]
FILE = CHECKOUT / ".local" / "fleet-figures.md"
PAGE = CHECKOUT / "docs" / "fleet.md"
_HEADERS = ("what", "longest gap of 202s", "longest gap of commits", "posts refused", "goal")
_PLACE = re.compile(r"(<!-- figures: make fleet-figures -->\n).*?(<!-- end of figures -->)", re.DOTALL)


@dataclass(slots=True)
class Figures:
    """Rows as they come; the file is written after each, so that a run that fails leaves what it has."""

    rows: list[tuple[str, str, str, str, str]] = field(default_factory=list)
    began_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def add(self, what: str, gaps: Gaps, goal: str = "") -> str:
        """Add a row; returns it as a line to print."""
        row = (what, f"{gaps.confirms_s:.2f} s", f"{gaps.commits_s:.2f} s", str(gaps.refused.total()), goal or "-")
        self.rows.append(row)
        FILE.parent.mkdir(exist_ok=True)
        FILE.write_text(self.markdown())
        told = f" ({', '.join(f'{reason} {times}' for reason, times in gaps.refused.items())})" if gaps.refused else ""
        return f"{what}: 202s {row[1]}, commits {row[2]}, {row[3]} posts refused{told}; goal: {row[4]}"

    def markdown(self) -> str:
        """Return the table, with when and on what it was measured."""
        processors, busy = os.cpu_count(), os.getloadavg()[2]
        table = tabulate(self.rows, _HEADERS, "github", disable_numparse=True)
        told = f"Run of {self.began_at:%Y-%m-%d} on {processors} cores, load average of its last 15 minutes {busy:.1f}."
        return f"{told}\n\n{table}\n"


def main() -> None:
    """Put the figures of the last run into docs/fleet.md."""
    if not FILE.exists():
        sys.exit(f"{FILE} is not there: run make test-fleet first")
    page, found = _PLACE.subn(lambda place: place[1] + FILE.read_text() + place[2], PAGE.read_text())
    assert found == 1
    PAGE.write_text(page)


if __name__ == "__main__":
    main()
