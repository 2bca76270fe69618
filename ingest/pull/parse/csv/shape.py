"""How wide a CSV file's rows are: as its header, but for two habits that the whole file must show.

Some programs end every row with a delimiter; spreadsheets leave out the empty cells at a row's end. A row that deviates
from its own file is in doubt: an unquoted delimiter in a name looks the same, and shifts every value behind it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

_FEW = 2
"""One row is no habit."""
_FOOTER = frozenset(
    ("end", "eof", "total", "totals", "rows", "records", "lines", "generated", "exported", "ende", "fin")
)
"""Words that say so."""
_RULE, _WORD = re.compile(r"\W{2,}"), re.compile(r"\w+")
_LONGEST_FOOTER = 200


@dataclass(slots=True)
class Shape:
    """What was counted: rows that fit the header of `width` columns; others by how many empty cells they have more, or
    how many cells they have; `gaps` is set when a row ends with an empty cell that it could have left out.
    """

    width: int
    fit: int = 0
    gaps: bool = False
    more: Counter[int] = field(default_factory=Counter)
    fewer: Counter[int] = field(default_factory=Counter)

    def add(self, row: Sequence[str]) -> None:
        """Count a row in."""
        if len(row) == self.width:
            self.fit += 1
            self.gaps |= row[-1] == ""
        elif len(row) < self.width:
            self.fewer[len(row)] += 1
            self.gaps |= row[-1] == ""
        elif not any(row[self.width :]):
            self.more[len(row)] += 1

    def cells(self, header_cells: int) -> int:
        """Return how many cells a row has, trailing delimiters counted, which the header may have too."""
        if self.fit or len(self.more) != 1:
            return self.width
        ((cells, rows),) = self.more.items()
        return cells if rows + (header_cells == cells) >= _FEW else self.width

    @property
    def drops_empty_cells(self) -> bool:
        """Return whether rows leave out their empty last cells."""
        return self.fit > 0 and not self.gaps and not self.more and sum(self.fewer.values()) >= _FEW


def is_footer(row: Sequence[str]) -> bool:
    """Return whether a last row of one cell says that the list ends, rather than being cut off."""
    if len(row) != 1 or len(row[0]) > _LONGEST_FOOTER:
        return False
    text = row[0].strip().lower()
    return _RULE.match(text) is not None or not _FOOTER.isdisjoint(_WORD.findall(text))
