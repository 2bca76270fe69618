"""Whether a text without a byte order mark is UTF-16 or UTF-32, told by its zero bytes."""

from __future__ import annotations

import codecs
import unicodedata

SAMPLE_BYTES = 1 << 14
"""Of the beginning of a file, in which a wide encoding shows itself."""
_SHARE, _SHORT, _FEW = 0.2, 200, 4
_ASCII_TWICE = 0.8
"""Of pairs of bytes so many are both ASCII only in a text of one byte a character."""
_PRINTABLE = bytes((9, 10, 13, *range(32, 127)))
_NO_TEXT = frozenset(("Cc", "Cn", "Co", "Cs"))
"""Unicode's categories of control characters and of what is none."""


def wide_encoding(data: bytes) -> str | None:
    """Return the encoding of a file that begins with these bytes; None if a character may be one byte."""
    sample = data[:SAMPLE_BYTES]
    return _by_zeros(sample) or _sixteen_bits(sample) if b"\0" in sample else None


def _by_zeros(data: bytes) -> str | None:
    """Return which UTF-16 (or 32) a text without a mark is: its ASCII characters leave zero bytes on one side."""
    zeros = [data[side::4].count(0) for side in range(4)]
    share = _SHARE if len(data) >= _SHORT else 2 * _SHARE  # a few stray zero bytes make no UTF-16
    often = [count > share * len(data) / 4 for count in zeros]
    if not any(often):
        return None
    if all(often[1:]) and not zeros[0]:
        return "utf-32-le"
    if all(often[:3]) and not zeros[3]:
        return "utf-32-be"
    even, odd = zeros[0] + zeros[2], zeros[1] + zeros[3]
    if min(even, odd) * 4 > max(even, odd):
        return None
    name = "utf-16-le" if odd > even else "utf-16-be"
    return name if _is_of_pairs(data.decode(name, "replace"), name) else None


def _sixteen_bits(data: bytes) -> str | None:
    """Return which UTF-16 a text without a mark and with little ASCII is: Chinese, Japanese, Korean.

    Zero bytes of its commas, digits and ends of lines are all on one side, its bytes are no UTF-8, and in pairs they
    are characters. Pairs of an 8-bit text are ASCII twice, or its letters make halves of characters, or none.
    """
    if data.count(0) < _FEW or _decoded(data, "utf-8") is not None:
        return None
    for name, side in (("utf-16-le", 1), ("utf-16-be", 0)):
        text = _decoded(data, name) if b"\0" not in data[1 - side :: 2] else None
        if text is None or ("\n" not in text and b"\n" in data):
            continue
        known = all(unicodedata.category(sign) not in _NO_TEXT for sign in set(text) - set("\t\r\n"))
        if known and _is_of_pairs(text, name):
            return name
    return None


def _is_of_pairs(text: str, name: str) -> bool:
    """Return whether this is not a text of one byte a character, read as this UTF-16."""
    wide = [sign for sign in text if sign > "\x7f"]
    twice = sum(not sign.encode(name, "replace").translate(None, _PRINTABLE) for sign in wide)
    return twice <= _ASCII_TWICE * len(wide)


def _decoded(data: bytes, encoding: str) -> str | None:
    """Return the text of a file's beginning; None if it is none."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(data)
    except UnicodeDecodeError:
        return None
