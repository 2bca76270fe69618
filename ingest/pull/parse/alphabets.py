"""Whether bytes can be text in an encoding of another alphabet (Cyrillic, Greek …), as the server or the file says.

Servers declare what they were set up with once. Words then come out of letters of two alphabets, or with capitals in
their middle. What the feed itself says is not doubted. Linear in the bytes.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Self

_WORD = re.compile(r"[^\W\d_]+")
_ENOUGH = 1 << 15
"""Words with letters of the alphabet that are looked at."""
_HIGH = bytes(range(0x80, 0x100))
_ALPHABETS = ("CYRILLIC", "GREEK", "HEBREW", "ARABIC")


@dataclass(slots=True)
class Alphabet:
    """What was found in bytes that are said to be of this encoding: `words` of its alphabet, and `strange` ones."""

    name: str
    words: int = 0
    strange: int = 0

    @classmethod
    def of(cls, name: str) -> Self | None:
        """Return what looks at bytes of a single-byte encoding; None for one of Latin letters."""
        letters = [letter for letter in _HIGH.decode(name, "ignore") if letter.isalpha()]
        return cls(name) if 2 * sum(map(_is_foreign, letters)) > len(letters) else None

    def add(self, data: bytes) -> None:
        """Count these bytes in."""
        if self.words >= _ENOUGH:
            return
        found = _WORD.findall(data.decode(self.name, "replace"))
        words = [word for word in found if not word.isascii() and any(map(_is_foreign, word))]
        self.words += len(words)
        self.strange += sum(map(_is_strange, words))

    @property
    def doubtful(self) -> bool:
        """Return whether this is hardly text in the encoding."""
        return 0 < self.words <= 2 * self.strange


@cache
def _is_foreign(letter: str) -> bool:
    return unicodedata.name(letter, "").startswith(_ALPHABETS)


def _is_strange(word: str) -> bool:
    return any(map(str.isascii, word)) or word not in (word.lower(), word.upper(), word.capitalize())
