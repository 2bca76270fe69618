"""How wide a CSV file's rows are: as its header, but for two habits that the whole file must show.

Some programs end every row with a delimiter; spreadsheets leave out the empty cells at a row's end. A row that deviates
from its own file is in doubt: an unquoted delimiter in a name looks the same, and shifts every value behind it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

_FEW = 2
"""One row is no habit."""
_ENOUGH, _MOST_LOOKS, _MOST_PIECES = 10_000, 100, 8
_DIGITS, _LETTERS = re.compile(r"\d+"), re.compile(r"[^\W\d_]+")


@dataclass(slots=True)
class Shape:
    """What was counted: rows that fit the header of `width` columns; others by how many empty cells they have more, or
    how many cells they have; `gaps` is set when a row ends with an empty cell that it could have left out. `key` is the
    position of the keys; `is_row` says whether cells are plausibly a whole row.
    """

    width: int
    key: int | None = None
    is_row: Callable[[list[str]], bool] = lambda _: False
    fit: int = 0
    gaps: bool = False
    more: Counter[int] = field(default_factory=Counter)
    fewer: Counter[int] = field(default_factory=Counter)
    _looks: Counter[str] = field(default_factory=Counter)
    """How the keys of rows that fit are made up: letters, digits, signs."""
    _begins: set[str] = field(default_factory=set)
    """How the first cells of rows that fit are."""
    _pieces: list[list[str]] = field(default_factory=list)
    """The short rows that came last."""
    _broken: bool = False
    """Two short rows are one by their numbers, too."""
    _strange: list[str] = field(default_factory=list)
    """How what stands for the key of rows is made up that may be the rest of a broken one."""

    def add(self, row: Sequence[str]) -> None:
        """Count a row in."""
        if len(row) < self.width:
            self.fewer[len(row)] += 1
            self.gaps |= row[-1] == ""
            self._piece(row)
            return
        self._pieces.clear()
        if len(row) == self.width:
            self.fit += 1
            self.gaps |= row[-1] == ""
            if self.key is not None and self.fit <= _ENOUGH:
                self._looks[makeup(row[self.key])] += 1
                if len(self._begins) <= _MOST_LOOKS:
                    self._begins.add(makeup(row[0]))
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
        """Return whether rows leave out their empty last cells.

        Short rows may also be what is left of one that a line's end within a value has broken: they are together as
        wide as it was, and what stands where the key of the latter should be is made up like none.
        """
        broken = self._broken or not self._looks.keys() >= set(self._strange)
        return self.fit > 0 and not (self.gaps or self.more or broken) and sum(self.fewer.values()) >= _FEW

    def is_words(self, text: str) -> bool:
        """Return whether a line of one cell is a heading or footer, and not what is left of a row: that would begin as
        the others do.
        """
        words = text.split()
        if len(words) < 2 or not self.fit or len(self._begins) > _MOST_LOOKS:  # noqa: PLR2004
            return False
        begins = self._begins | self._looks.keys()
        return not any(" " in look for look in begins) and begins.isdisjoint((makeup(words[0]), makeup(text)))

    def has_key(self, key: str, least: int = 1) -> bool:
        """Return whether at least so many keys are made up like this one."""
        return self._looks[makeup(key)] >= least

    def _piece(self, row: Sequence[str]) -> None:
        """Note what stands where this row's key should be, if it may be the end of a broken one that begins before it.

        A break in a value leaves one cell more than the row has.
        """
        self._pieces = [*self._pieces[1 - _MOST_PIECES :], list(row)]
        together = 0
        for count, piece in enumerate(reversed(self._pieces), 1):
            together += len(piece) - 1
            if count == 2 and together == self.width - 1:  # noqa: PLR2004
                whole = [*piece[:-1], f"{piece[-1]} {row[0]}", *row[1:]]
                self._broken |= self.is_row(whole) and not self.is_row(piece + [""] * (self.width - len(piece)))
            if count > 1 and together == self.width - 1 and len(self._strange) < _MOST_LOOKS and self.key is not None:
                self._strange.append(makeup(row[self.key]) if self.key < len(row) else "")


def makeup(key: str) -> str:
    """Return how a key is made up: that of A-12 is that of B-7."""
    return _LETTERS.sub("a", _DIGITS.sub("9", key.strip()))
