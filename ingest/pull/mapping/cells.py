"""One value of a file to a value for an item attribute: keys, numbers as people write them, lists and JSON in one text.

What is not understood is returned as it is, for `schemas.validation` to refuse in its own words; `CellError` is raised
where this side knows better what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from typing import Any, Final

import orjson

from ingest.pull.records import MISSING
from schemas.columns import Kind
from schemas.keys import clean_key, is_no_barcode
from schemas.numbers import DAY, Notation, NumberError, is_doubtful, is_of_the_other, plain_number

_ADDRESS = re.compile(r"https?://", re.IGNORECASE)
_BREAK = re.compile(r"[|\n]")
_SCIENTIFIC = re.compile(r"[+-]?(?:\d(?:[.,]\d+)?[eE]\+|\d[.,]\d+[eE]-?)\d{1,3}", re.ASCII)
_DECIMAL, _SHORTEST_DECIMAL = re.compile(r"[+-]?\d+[.,]0+", re.ASCII), len("12345678.0")
"""A number of an article that some program took for one to calculate with; short ones may be versions."""
_DATE = re.compile(DAY, re.ASCII)
_ERROR = re.compile(r"#(?:N/A|NV|DIV/0!|[A-Z\u00c0-\u00dc]{3,8}[!?]|#+)")
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
NUMBERS: Final = ("whole", "decimal")
"""Kinds of numbers: all of a file are written in one notation."""
KEYS: Final = frozenset(("externalId", "vendorSku", "barcode"))
MATCH_HINT: Final = "the transform match takes a number out of its text"
_ERROR_SHOWN = "a spreadsheet's error in place of a number: ask the vendor to mend the cell"
WORDS_HINT: Final = "the transform textToQuantity turns words, 10+ and >10 into quantities"


_FLAGS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


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


def read_number(text: str, kind: str, notation: Notation, doubts: Doubts) -> str | None:
    """Return a number's text with a point and without groups, None for a text without a digit.

    `kind` is the name of the attribute's kind. Raises CellError for what is no number, or could be two.
    """
    text = clean_key(text)
    if text[:2] == '="' and text[-1] == '"':
        text = clean_key(text[2:-1])
    try:
        number = plain_number(text, notation)
    except NumberError as error:
        if is_of_the_other(text, notation):
            doubts.seen.update(NUMBERS)
        if _ERROR.fullmatch(text):
            raise CellError("number", _ERROR_SHOWN) from None
        raise CellError(error.code, f"{error}{_hint(error, kind, notation)}") from None
    if number is None:
        if _ERROR.fullmatch(text):
            raise CellError("number", _ERROR_SHOWN)
        return None
    doubtful = is_doubtful(text, notation)
    if is_doubtful(text, "comma" if notation == "decimal" else "decimal"):
        if kind == "decimal" or text.endswith("000"):  # 1.000 beside 1.250 is not 1, nor beside 12,50
            doubtful = True
        else:
            doubts.seen.add(kind)
    if doubtful and kind in doubts:
        raise CellError(
            "notation",
            f"it can be read in two ways, for another number in the file does not fit decimalNotation {notation}: "
            "set the feed's decimalNotation",
        )
    return number


def _hint(error: NumberError, kind: str, notation: Notation) -> str:
    """Return which setting would read what is no number, as the end of an error; "" where none would."""
    if error.code == "notation":
        return f" (the feed's decimalNotation is {notation})"
    hints = [MATCH_HINT] if error.code == "currency" else []
    if kind == "whole" and (hints or error.is_inexact):
        hints.append(WORDS_HINT)
    return f"; {', '.join(hints)}" if hints else ""


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
    if _ERROR.fullmatch(text):
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


def _key(value: Any) -> Any:
    value = _text(value)
    return unwrapped(value) if value.__class__ is str else value


def _external_id(value: Any) -> Any:
    value = _key(value)
    return real_id(value) if value.__class__ is str else value


def _barcode(value: Any) -> Any:
    """Return "" for a word that stands where there is no barcode."""
    value = _key(value)
    return "" if value.__class__ is str and is_no_barcode(value) else value


def _text(value: Any) -> Any:
    if value.__class__ is int or value.__class__ is Decimal:
        return format(value, "f") if value.__class__ is Decimal else str(value)
    return value


def _whole(value: Any, notation: Notation, doubts: Doubts) -> Any:
    if value.__class__ is str:
        number = read_number(value, "whole", notation, doubts)
        if number is None:
            raise CellError("type", f"expected a whole number; {WORDS_HINT}")
        whole, _, places = number.partition(".")
        if places.strip("0"):
            so = f", and with decimalNotation {notation} it is {number}" if number != value.strip() else ""
            raise CellError("type", f"expected a whole number{so}")
        return int(whole or 0)
    if value.__class__ is Decimal:
        return int(value) if value == value.to_integral_value() else format(value, "f")
    return value


def _decimal(value: Any, notation: Notation, doubts: Doubts) -> Any:
    if value.__class__ is str:
        number = read_number(value, "decimal", notation, doubts)
        return value if number is None else number
    return format(value, "f") if value.__class__ is Decimal else value


def _list(value: Any, pieces: Callable[[str], list[str]]) -> Any:
    if value.__class__ is str:
        if value[:1] == "[":
            return _json(value)
        return [piece for part in pieces(value) if (piece := part.strip())]
    if value.__class__ is list and all(element.__class__ is str for element in value):
        return [stripped for element in value if (stripped := element.strip())]
    return value


def _json(value: Any) -> Any:
    if value.__class__ is str and value[:1] in ("[", "{"):
        try:
            return orjson.loads(value)
        except ValueError:
            return value
    return value


def _parts(text: str) -> list[str]:
    return text.split("|" if "|" in text else ",")


def _addresses(text: str) -> list[str]:
    """Cut at `|` and new lines, and at a comma, a semicolon or white space before the next address."""
    pieces = []
    for line in _BREAK.split(text):
        begins = 0
        for found in _ADDRESS.finditer(line):
            at = found.start()
            if at > begins and (line[at - 1] in ",;" or line[at - 1].isspace()):
                piece = line[begins:at].rstrip()
                pieces.append(piece[:-1] if piece.endswith((",", ";")) else piece)
                begins = at
        pieces.append(line[begins:])
    return pieces


def adapter(attribute: str, kind: Kind, notation: Notation, doubts: Doubts) -> Callable[[Any], Any]:
    """Return the function that brings a value, not empty, nearer to what the attribute takes; "" for no value."""
    if kind == "whole":
        return lambda value: _whole(value, notation, doubts)
    if kind == "decimal":
        return lambda value: _decimal(value, notation, doubts)
    if kind in ("choice", "flag"):
        meant: Mapping[str, Any] = _FLAGS if kind == "flag" else {}
        return lambda value: meant.get(value.lower(), value.lower()) if value.__class__ is str else value
    if kind == "list":
        pieces: Callable[[str], list[str]] = _addresses if attribute == "images" else _parts
        return lambda value: _list(value, pieces)
    if attribute in KEYS:
        return {"externalId": _external_id, "barcode": _barcode}.get(attribute, _key)
    return _json if kind == "json" else _text
