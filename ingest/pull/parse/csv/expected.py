"""What the mapping says of the columns of a CSV file, by which a row is told from what is none."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ingest.pull.mapping.doubts import CellError
from ingest.pull.mapping.keys import unwrapped

_NUMBERISH = re.compile(r"[+-]?[\d.,' ]{0,20}\d[\d.,' ]{0,20}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Expected:
    """Positions of columns: of all that the mapping looks at, the key's, those of numbers, the last
    that a row needs, and one beside the key that items have a value in.
    """

    mapped: frozenset[int] = frozenset()
    key: int | None = None
    numbers: tuple[int, ...] = ()
    needed: int = 0
    witness: int | None = None

    def key_of(self, row: list[str], width: int) -> str | None:
        """Return the key of a row that cannot be used, if it can be recovered.

        A row that is too wide is shifted from some cell on: the key is looked for from the nearer end.
        """
        if self.key is None or len(row) <= self.key:
            return None
        near_end = len(row) > width <= self.key * 2
        try:
            key = unwrapped(row[self.key - width if near_end else self.key].strip('"'))
            key.encode()
        except (CellError, UnicodeEncodeError):
            return None
        return key if 0 < len(key) <= 255 and "\0" not in key else None  # noqa: PLR2004

    def is_row(self, cells: list[str], width: int) -> bool:
        """Return whether the cells of a line look like a row of its own, rather than a line of a description."""
        if len(cells) != width or (self.key is not None and not cells[self.key].strip()):
            return False
        numbers = [cell for at in self.numbers if (cell := cells[at].strip(' "'))]
        return bool(numbers) and all(_NUMBERISH.fullmatch(number) for number in numbers)
