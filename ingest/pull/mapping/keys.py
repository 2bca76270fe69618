"""One value of a file to a key: what spreadsheets wrapped is unwrapped, what they spoilt is refused, and so are words
that stand where there is no key, or before a sum of all items.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

from ingest.pull.mapping.doubts import CellError, Doubts
from ingest.pull.records import MISSING
from schemas.keys import clean_key, is_no_barcode
from schemas.numbers import DAY

KEYS: Final = frozenset(("externalId", "vendorSku", "barcode"))
_SCIENTIFIC = re.compile(r"[+-]?(?:\d(?:[.,]\d+)?[eE]\+|\d[.,]\d+[eE]-?)\d{1,3}", re.ASCII)
_DECIMAL, _SHORTEST_DECIMAL = re.compile(r"[+-]?\d+[.,]0+", re.ASCII), len("12345678.0")
"""A number of an article that some program took for one to calculate with; short ones may be versions."""
_DATE = re.compile(DAY, re.ASCII)
SPREADSHEET_ERROR = re.compile(r"#(?:N/A|NV|DIV/0!|[A-Z\u00c0-\u00dc]{3,8}[!?]|#+)")
"""What a spreadsheet shows instead of a value, in English and other languages."""
_FORMULA = re.compile(r"=(?:\".*|[A-Za-z_.]{1,40}\(.*)", re.DOTALL)
NO_KEYS: Final = frozenset(
    (
        *("null", "(null)", "<null>", "\\n", "nil", "nan", "none", "(none)", "undefined", "(blank)", "n/a", "n.a."),
        *(sign * count for sign in "-\u2013\u2014?.*_" for count in (1, 2, 3)),
    )
)
"""What programs and people put where there is no key, in lower case; every such row would be the same item."""
TOTALS: Final = frozenset(
    word + colon
    for word in ("total", "totals", "totaal", "totale", "subtotal", "gesamt", "summe", "sum", "suma", "somme", "\u03c3")
    for colon in ("", ":")
)
"""Words before a sum of all items, in lower case."""
_TOTAL: Final = re.compile(
    r"(?:(?:grand|sub|net|page|overall|stock|inventory)[ -]?)?totals?"
    r"(?: (?:stock|quantity|qty|units|rows|items|records|sum|amount|value|general|products|articles|lines))?\s*:?"
    r"|totale? g[e\u00e9]n[e\u00e9]rale?\s*:?|(?:gesamt|zwischen|end|teil)summe\s*:?|gesamt(?:menge|bestand)\s*:?"
    r"|(?:\u0438\u0442\u043e\u0433\u043e|\u0432\u0441\u0435\u0433\u043e)\s*:?|[\u5408\u5c0f\u603b][\u8ba1\u8a08]\s*:?",
    re.IGNORECASE,
)
"""The same in more words."""
TOTAL_MARKS: Final = (("l", "otal"), ("L", "OTAL"), ("m", "umme"), ("M", "UMME"), ("m", "esamt"), ("M", "ESAMT"))
"""A letter, which is found in no time, and what goes with it; one of these is in each that is ASCII and no single word
of `TOTALS`."""
_LONGEST_TOTAL = 40
NO_IDS: Final = NO_KEYS | TOTALS
LONGEST_NO_ID: Final = max(map(len, NO_IDS))


def unwrapped(text: str) -> str:
    """Return a key as it was before a spreadsheet protected its leading zeros: `="00123"`, or an apostrophe before it;
    without apostrophes around it.

    Raises CellError for what a spreadsheet has made of a key: a number cut to scientific notation, whose digits are
    lost, a decimal number, an error, a formula.
    """
    text = clean_key(text)
    if text[:2] == '="' and text[-1:] == '"' and len(text) > 2 and '"' not in text[2:-1].replace('""', ""):  # noqa: PLR2004
        text = clean_key(text[2:-1].replace('""', '"'))
    elif text[:1] == "'":
        text = clean_key(text[1:-1] if text[-1] == "'" else text[1:])
    if _SCIENTIFIC.fullmatch(text):
        raise CellError(
            "scientific", "a spreadsheet has cut this number to scientific notation: export the column as text"
        )
    if len(text) >= _SHORTEST_DECIMAL and _DECIMAL.fullmatch(text):
        raise CellError("scientific", "a program has made a decimal number of this key: export the column as text")
    if _DATE.fullmatch(text):
        raise CellError("value", "a spreadsheet has made a date of this key: export the column as text")
    if SPREADSHEET_ERROR.fullmatch(text):
        raise CellError("value", "a spreadsheet's error in place of a key: mend the cell")
    if _FORMULA.fullmatch(text):
        raise CellError("value", "a formula in place of a key: export the column's values")
    return text


def key_source(attribute: str, value: Any) -> Any:
    """Return a key's source as its transforms take it, for they must not hide what a spreadsheet wrapped or spoilt, or
    a word that stands where there is none; MISSING for such a word in place of a barcode.

    Raises CellError as `unwrapped` does, and for a number that is not whole.
    """
    if value.__class__ is str:
        key = unwrapped(value)
        if attribute == "barcode" and is_no_barcode(key):
            return MISSING
        return real_id(key) if attribute == "externalId" else key
    if value.__class__ is float or (value.__class__ is Decimal and value != value.to_integral_value()):
        raise CellError("type", "expected text or a whole number, for nobody knows how a decimal one was written")
    return value


def real_id(text: str) -> str:
    """Return an externalId as it is; raises CellError for a word that stands where there is none."""
    if len(text) <= LONGEST_NO_ID and text.lower() in NO_IDS and text.lower() not in TOTALS:
        raise CellError("required", f"externalId is required, and {text} says that there is none")
    if text.lower() in TOTALS or (len(text) <= _LONGEST_TOTAL and _TOTAL.fullmatch(text)):
        raise CellError("no_item", "a row of totals, no item")
    return text


def certain_key(value: Any, doubts: Doubts) -> Any:
    """Return a key's source as it is; raises CellError for letters of which nobody has said which ones they are, and
    for those that a program had lost before (U+FFFD), for what is left of two keys may be the same.
    """
    if value.__class__ is not str or value.isascii():
        return value
    if "\ufffd" in value:
        raise CellError(
            "encoding", "letters of this key are lost: set the feed's encoding, or ask the vendor to mend the file"
        )
    if doubts.encoding_guessed():
        raise CellError(
            "encoding",
            "nothing says in which encoding the file is, and so what the letters of this key are: set the "
            "feed's encoding (windows-1252, say), or ask the vendor for UTF-8",
        )
    return value


def as_key(value: Any) -> Any:
    """Return a value, not empty, as a key."""
    value = as_text(value)
    return unwrapped(value) if value.__class__ is str else value


def as_external_id(value: Any) -> Any:
    """Return a value, not empty, as an externalId."""
    value = as_key(value)
    return real_id(value) if value.__class__ is str else value


def as_barcode(value: Any) -> Any:
    """Return a value, not empty, as a barcode; "" for a word that stands where there is none."""
    value = as_key(value)
    return "" if value.__class__ is str and is_no_barcode(value) else value


def as_text(value: Any) -> Any:
    """Return a number that is no float as its digits, anything else as it is."""
    if value.__class__ is int or value.__class__ is Decimal:
        return format(value, "f") if value.__class__ is Decimal else str(value)
    return value
