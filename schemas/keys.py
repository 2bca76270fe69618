"""Keys as people and programs write them, cleaned by one function for every way in: webhook, API, CSV, XML and JSON.

What tells items apart, or connects them (`externalId`, `vendorSku`, `barcode`), has no white space and nothing
invisible at its ends: a byte order mark or a no-break space, copied along, must never make another item.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_WHITE: Final = (
    "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
"""White space beyond ASCII and Latin-1's controls."""
_INVISIBLE: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
    "\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\u206a\u206b\u206c\u206d\u206e\u206f\u3164\ufeff\uffa0"
)
"""Characters that Unicode calls default ignorable: soft hyphen, zero width, direction marks, byte order mark …"""
_CONTROLS: Final = "".join(map(chr, [*range(1, 32), *range(127, 160)]))
"""Of ASCII and Latin-1, white space among them; U+0000 stays, to be refused."""
EDGES: Final = " " + _CONTROLS + _WHITE + _INVISIBLE
"""What is stripped from both ends of a key."""
NO_BARCODES: Final = frozenset(
    ("null", "none", "nil", "nan", "n/a", "na", "#n/a", "n.a.", "unknown", "undefined", "-", "--", "?", "")
)
"""Words that exports put where a product has no barcode, in lower case; two products must not connect by them."""


def clean_key(text: str) -> str:
    """Return a key without white space and invisible characters at its ends; within it nothing changes."""
    return text.strip(" ") if text.isascii() and text.isprintable() else text.strip(EDGES)


def are_clean(texts: Sequence[str]) -> bool:
    """Return whether `clean_key` would change none of these; C loops alone, for all but unusual keys."""
    joined = "".join(texts)
    if joined.isascii() and " " not in joined and joined.isprintable():
        return True
    return all(clean_key(text) == text for text in texts)


def is_no_barcode(text: str) -> bool:
    """Return whether a clean text says that there is no barcode: `NULL`, `N/A`, nothing but zeros."""
    return text.lower() in NO_BARCODES or not text.strip("0")
