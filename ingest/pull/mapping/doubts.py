"""A value of a file that is wrong, and what of a file may be read in two ways."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

NUMBERS: Final = ("whole", "decimal")
"""Kinds of numbers: all of a file are written in one notation."""


class CellError(ValueError):
    """A value is wrong; `code` is of the closed list in `docs/pull.md`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Doubts:
    """What of a file may be read in two ways: its numbers, by kind, and its letters.

    Numbers are doubtful that contradict the notation which the feed declares; then others are refused with them.
    12,000 is twelve thousand, unless 12,50 stands in the same file; then 1.299 may be more than one, too. `find` looks
    through the whole file for such contradictions, once, when the first doubtful number is met; `seen` collects what
    contradicts. `encoding_guessed` says whether the file's letters may be others.
    """

    def __init__(
        self, find: Callable[[], Collection[str]] = frozenset, encoding_guessed: Callable[[], bool] = bool
    ) -> None:
        self.seen: set[str] = set()
        self.encoding_guessed = encoding_guessed
        self._find = find
        self._found: Collection[str] | None = None

    def __contains__(self, kind: str) -> bool:
        if self._found is None:
            self._found = self._find()
        return kind in self._found
