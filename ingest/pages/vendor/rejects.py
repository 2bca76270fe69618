"""A reject in the vendor's words: its row, its column, what stood there, and why that cannot be.

What would help is said to the account as settings of the feed, which a vendor can neither see nor change: here it is
said as what the vendor can write instead.
"""

from __future__ import annotations

import re
from typing import Any, Final

from pydantic.alias_generators import to_camel

from ingest.feeds.settings import FeedSettings
from ingest.pull.mapping.cells import MATCH_HINT, WORDS_HINT

_LIMIT: Final = "limit.daily_sku"
_WORDS: Final = (
    (MATCH_HINT, "write the number alone"),
    (WORDS_HINT, "write the quantity in digits alone"),
    ("write the number alone, write the quantity in digits alone", "write the number alone, in digits"),
    (
        "a word without a meaning: add it to the words of textToQuantity",
        "a word that has no meaning here: write the quantity in digits",
    ),
    ("the feed's decimalNotation is decimal", "a point is before decimals here"),
    ("the feed's decimalNotation is comma", "a comma is before decimals here"),
    ("with decimalNotation decimal", "as a point is before decimals here"),
    ("with decimalNotation comma", "as a comma is before decimals here"),
    ("does not fit decimalNotation decimal", "does not have a point before decimals"),
    ("does not fit decimalNotation comma", "does not have a comma before decimals"),
    ("and decimalNotation is comma", "and a comma is before decimals here"),
    ("set the feed's decimalNotation", "write all numbers of the file in one way"),
    ("set the feed's encoding (windows-1252, say), or ask the vendor for UTF-8", "save the file as UTF-8"),
    ("set the feed's encoding, or ask the vendor to mend the file", "write them anew, and save the file as UTF-8"),
    ("set the feed's encoding", "save the file as UTF-8"),
    ("ask the vendor to mend the cell", "mend the cell"),
)
_NAMES: Final = {to_camel(name) for name in FeedSettings.model_fields if "_" in name}
_SETTING: Final = re.compile(rf"\b(?:{'|'.join(sorted(_NAMES))}|set a mapping|needs a mapping)\b")
_NOT_AS_EXPECTED: Final = "it is not as the feed expects it: ask those whom you deliver to"


def in_vendors_words(message: str) -> str:
    """Return what is wrong without the feed's settings: what the vendor can do stands in their place, or nothing."""
    for ours, theirs in _WORDS:
        message = message.replace(ours, theirs)
    clauses = [clause for clause in message.split("; ") if not _SETTING.search(clause)]
    return "; ".join(clauses) or _NOT_AS_EXPECTED


def refusal(reject: Any, row: int | None) -> dict[str, Any]:
    """Return a reject as a vendor sees it: of the account's limit it is told what to do, and no number."""
    column = getattr(reject, "column", None) or reject.field
    late = reject.code == _LIMIT
    message = "was not taken that day: send it again on the next" if late else in_vendors_words(reject.message)
    return {"row": row, "key": reject.external_id, "column": column, "value": reject.value, "message": message}
