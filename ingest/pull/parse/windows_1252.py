"""Whether bytes that are no UTF-8 can be text in Windows-1252: what no language writes in it speaks against it.

Files in Windows-1251, Shift JIS, GBK, Mac OS Roman or DOS code pages often say nowhere what they are, and nearly every
byte of theirs is some sign in Windows-1252 too. But the signs fall where no text has them: three accented letters and
more in a row, a fraction inside a word, a capital behind a small letter, letters of languages that have nothing in
common. It is never concluded what a file is instead, only that it is in doubt. Linear in the bytes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

_ASCII = bytes(range(128))
_WORD = rb"\x83\x86-\x88\x8a\x8c\x8e\x98\x9a\x9c\x9e\x9f\xa1-\xa8\xaa\xac\xaf\xb1-\xb3\xb5\xb6\xb8-\xba\xbf-\xff"
"""Letters, and signs that do not stand beside others of their kind, as quotation marks, dashes and fractions do."""
_SIGN = rb"\x80\x82-\x84\x86-\x89\x8b\x93\x94\x98\x9b\xa1-\xa8\xaa\xac\xaf\xb1\xb5\xb6\xb8\xba\xbc-\xbf"
_CAPITAL = rb"\x8a\x8c\x8e\x9f\xc0-\xd6\xd9-\xde"
_STRANGE = re.compile(
    rb"""[\x80-\xff](?:
        (?<=[%(word)b])[%(word)b]{2,}                                # a word in another alphabet
      | (?<=[^0-9A-Za-z\x80-\xff][%(word)b])[%(word)b](?![0-9A-Za-z\x80-\xff])      # a word of two such letters
      | (?<=[A-Za-z\xc0-\xff][%(sign)b])(?=[a-z\xdf-\xff])           # a sign inside a word
      | (?<=[A-Za-ln-z\xc0-\xff][\xb2\xb3\xb9])(?=[a-z\xdf-\xff])    # likewise, but for m\xb2K and its like
      | (?<=[A-Za-z][%(capital)b])(?=[a-z])                          # a capital inside a word
      | (?<=[a-z][a-z][%(capital)b])                                 # or at its end
      | (?<=[\x83\x86-\x88\x98])(?=[A-Za-z\x80-\xff])                # a sign that begins no word
      | (?<=\x9f)(?=[a-z])                                           # no word begins with it in small letters
    )"""
    % {b"word": _WORD, b"sign": _SIGN, b"capital": _CAPITAL},
    re.VERBOSE,
)
_NORTHERN = "äåæöøõüÄÅÆÖØÕÜ".encode("latin-1")
"""Words of the north have three of these in a row: jäääär."""
_NEVER_TOGETHER = (
    ("ðþÐÞ", "üçèëûòïìâîã"),  # Icelandic letters, and some that Icelandic lacks: it is Turkish, or Baltic
    ("šž¹", "èøìùò"),  # Czech, Slovak, Croatian
    ("õû", "ö", "áé"),  # Hungarian
)
_RARE = "šž"
"""Hardly any language of Windows-1252 has them; half of all letters they are nowhere."""
_ENOUGH = 1 << 17
"""Signs beyond ASCII that are looked at; more would tell nothing else."""
_SHARE = 12
"""One strange sign in so many speaks against the encoding; fewer are slips of the pen."""


@dataclass(slots=True)
class Windows1252:
    """What was found in bytes: how often each one beyond ASCII stands there, and how many `strange` ones there are."""

    signs: Counter[int] = field(default_factory=Counter)
    strange: int = 0

    def add(self, data: bytes) -> None:
        """Count these bytes in."""
        if self.signs.total() >= _ENOUGH:
            return
        self.signs.update(data.translate(None, _ASCII))
        found = (found[0] for found in _STRANGE.finditer(data))
        self.strange += sum(len(signs) for signs in found if signs.translate(None, _NORTHERN))

    @property
    def doubtful(self) -> bool:
        """Return whether this is hardly text in Windows-1252."""
        high = self.signs.total()
        if self.strange * _SHARE >= high or 2 * self._count(_RARE.encode("cp1252")) >= high:
            return high > 0
        groups = ([self._count(letters.encode("cp1252")) for letters in row] for row in _NEVER_TOGETHER)
        return any(min(counts) * _SHARE >= high for counts in groups)

    def _count(self, signs: Iterable[int]) -> int:
        return sum(self.signs[sign] for sign in signs)
