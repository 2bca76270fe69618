"""Numbers as people write them: one grammar for CSV, XML, JSON texts, transforms, and what the webhook says of them.

A text is a number only if it can be read in one way under the declared notation. Groups are of three digits and the
first of them does not begin with 0, so 0,125 is never 125. What is not a number is told by what it seems to be.
"""

from __future__ import annotations

import re
from typing import Final, Literal

Notation = Literal["decimal", "comma"]

PLAIN: Final = re.compile(r"[+-]?(?:\d{1,40}(?:\.\d{1,15})?|\.\d{1,15})", re.ASCII)
"""A number without groups and with a point."""
MAX_NUMBER: Final = 60
"""Characters of a number that are worth looking at."""
_SPACES = " \u00a0\u2009\u202f'\u2019"
_GROUPS = {"decimal": rf"[,{_SPACES}]", "comma": rf"[.{_SPACES}]"}
_POINT = {"decimal": r"\.", "comma": ","}
_GROUPED = {
    name: re.compile(rf"([+-]?[1-9]\d{{0,2}})({marks})(\d{{3}}(?:\2\d{{3}})*)(?:{_POINT[name]}(\d{{1,15}}))?", re.ASCII)
    for name, marks in _GROUPS.items()
}
_COMMA = re.compile(r"([+-]?\d{0,40}),(\d{1,15})", re.ASCII)
_ONE_MARK = {
    "decimal": re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII),
    "comma": re.compile(r"[+-]?[1-9]\d{0,2}\.\d{3}", re.ASCII),
}
"""Groups in this notation, and a decimal part in the other one: doubtful beside what is surely of the other one."""
_OF_THE_OTHER = {
    "decimal": re.compile(r"[+-]?\d*,(?!\d{3}\Z)\d+|[+-]?\d{1,3}(?:[. ]\d{3})+,\d+", re.ASCII),
    "comma": re.compile(r"[+-]?\d*\.(?!\d{3}\Z)\d+|[+-]?\d{1,3}(?:[, ]\d{3})+\.\d+", re.ASCII),
}
"""Numbers that are surely of the other notation."""
_BETWEEN = "[.,'\u2018\u2019\u2032\u00b4`\u00b7\u066b\u066c\\s]?"
_BEFORE = re.compile(rf"\d{_BETWEEN}\Z|(?:\A|\W)[-\u2212\u2013]\s?\Z|\A\(\Z")
_BEHIND = re.compile(
    rf"{_BETWEEN}\d|\s?[\u00bc-\u00be\u2150-\u215e]|\s?[-\u2212\u2013]\s?\d|[-\u2212]\s*\Z|[eE][+-]?\d"
)
"""What shows that a number goes on, before and behind a part of it: digits, groups, signs, the end of a range."""
_TIMES_BEFORE = re.compile(r"\d\s?[/:x\u00d7*]\s?\Z", re.IGNORECASE)
_TIMES_BEHIND = re.compile(r"\s?[/:x\u00d7*]\s?\d", re.IGNORECASE)
PART: Final = "takes but a part of a number: let it take all of it"
_DIGIT = re.compile(r"[\d\u00bc-\u00be\u2150-\u215e]")
"""Of any script, and fractions that are one character."""
_DIGITS_AND_MARKS = re.compile(rf"[+-]?[\d.,{_SPACES}]+", re.ASCII)
_INEXACT: Final = "not an exact number"
_MONTH: Final = "(?:Jan|Feb|Mar|M\u00e4r|Mrz|Apr|May|Mai|Jun|Jul|Aug|Sep|Oct|Okt|Nov|Dec|Dez)"
DAY: Final = (
    rf"\d{{1,2}}(?:-|\. ?){_MONTH}\.?|{_MONTH}[- ]\d{{2}}|\d{{1,2}}([/.])\d{{1,2}}\1\d{{4}}"
    r"|\d{4}-\d{2}-\d{2} 00:00:00"
)
"""What spreadsheets make of 3-21, 12.3 or MAR21: a day, shown as the language has it."""
_WHY_NOT: Final = (
    (
        r"[+-]?\d+(?:[.,]\d+)?[eE][+-]?\d+",
        "number",
        "scientific notation, a spreadsheet's work: expected the digits",
    ),
    (rf"{DAY}|\d{{4}}-\d{{2}}-\d{{2}}", "number", "a date, a spreadsheet's work: export the column as text"),
    (rf"[\d.,{_SPACES}]+-", "number", "a minus behind the number: expected it in front"),
    (rf"\([\d.,{_SPACES}]+\)", "number", "a number in parentheses: expected a minus in front"),
    (r"['\u2019`\u00b4].*|.*['\u2019`\u00b4]", "number", "an apostrophe around a number: expected a bare number"),
    (r"[\d.,\s]*[\u00bc-\u00be\u2150-\u215e].*", "number", "a fraction: expected a decimal number"),
    (r".*(?![0-9])\d.*", "number", "digits of another script: expected 0 to 9"),
    (r"[\u2212\u2010-\u2015]\s?[\d.,]+", "number", "another sign than the minus of a keyboard: expected - in front"),
    (r".*[%\u2030].*", "number", "a percent sign: expected a bare number"),
    (r".*(?:[^\W\d_]|[$\u00a3\u00a5\u20a0-\u20c0]).*", "currency", "a currency sign or a unit: expected a bare number"),
    (r"(?:[<>~\u2248\u2264\u2265]|\+\s).*|.*\+", "number", _INEXACT),
)
"""Pattern, code and words, the first that fits."""
_DATE = re.compile(DAY, re.ASCII)
_REASONS = tuple((re.compile(pattern, re.DOTALL), code, words) for pattern, code, words in _WHY_NOT)


class NumberError(ValueError):
    """A text is no number in this notation; `code` is of the list in `docs/pull.md`.

    `is_inexact`: it may mean a number all the same, as >10 does.
    """

    def __init__(self, code: str, message: str, *, is_inexact: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.is_inexact = is_inexact


def plain_number(text: str, notation: Notation) -> str | None:
    """Return a number's text with a point and without groups: "1.234,50" in comma notation is "1234.50".

    None for a text without a digit. Raises NumberError, which says why, for all else that is no number.
    """
    if notation == "decimal" and PLAIN.fullmatch(text):
        return text
    if len(text) <= MAX_NUMBER:
        grouped = _GROUPED[notation].fullmatch(text)
        if grouped is not None:
            whole = grouped[1] + grouped[3].replace(grouped[2], "")
            return f"{whole}.{grouped[4]}" if grouped[4] else whole
        if notation == "comma":
            comma = _COMMA.fullmatch(text)
            if comma is not None:
                return f"{comma[1]}.{comma[2]}"
            if "." not in text and PLAIN.fullmatch(text):
                return text
    if not _DIGIT.search(text[:MAX_NUMBER]):
        return None
    raise why_not(text, notation)


def why_not(text: str, notation: Notation) -> NumberError:
    """Return what is wrong with a text that has digits and is no number."""
    if len(text) > MAX_NUMBER:
        return NumberError("number", f"expected a number of at most {MAX_NUMBER} characters")
    if (
        _DIGITS_AND_MARKS.fullmatch(text)
        and not _DATE.fullmatch(text)
        and text[-1] not in "-'\u2019"
        and text[0] not in "'\u2019"
    ):
        sign, other = ("point", "comma") if notation == "decimal" else ("comma", "point")
        if is_of_the_other(text, notation):
            return NumberError("notation", f"a decimal {other}: expected a decimal {sign}")
        return NumberError(
            "notation",
            f"it can be read in two ways or none: expected groups of three digits that begin with no 0, "
            f"and a decimal {sign}",
        )
    for pattern, code, words in _REASONS:
        if pattern.fullmatch(text):
            return NumberError(code, words, is_inexact=words == _INEXACT)
    return NumberError("number", "expected a bare number", is_inexact=True)


def is_of_the_other(text: str, notation: Notation) -> bool:
    """Return whether a text is surely a number of the other notation: 12,50 where the decimal sign is a point."""
    return _OF_THE_OTHER[notation].fullmatch(text) is not None


def is_doubtful(text: str, notation: Notation) -> bool:
    """Return whether a number would be another one in the other notation: 12,000, or 12.000."""
    return _ONE_MARK[notation].fullmatch(text) is not None


def is_part(text: str, begin: int, end: int) -> bool:
    """Return whether a number begins before this part of a text, or goes on behind it: 1 of 1 250.00, 5 of -5."""
    taken = text[begin:end]
    if taken[:1].isdigit() and _BEFORE.search(text, max(begin - 4, 0), begin):
        return True
    return taken[-1:].isdigit() and _BEHIND.match(text, end) is not None


def is_factor(text: str, begin: int, end: int) -> bool:
    """Return whether this part of a text is one of two numbers that only together are one: 7 of 7/8, 5 of 5 x 10."""
    taken = text[begin:end]
    if taken[:1].isdigit() and _TIMES_BEFORE.search(text, max(begin - 4, 0), begin):
        return True
    return taken[-1:].isdigit() and _TIMES_BEHIND.match(text, end) is not None
