"""Checks of whole columns: that all values of one attribute, over all items of a post, are plainly right.

Most posts are right, and item by item each value costs a call or three; a column of 50 costs a handful of C loops:
measured 108 → 44 µs for 50 lean items, 559 → 165 µs for rich ones. A check answers with the canonical values, or with
None: look closer. What is wrong, and what is said about it, is the business of the types in `schemas/attributes.py`
alone; each carries its check, so that one definition holds both, and a property test holds them together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, get_args

from schemas.keys import are_clean, clean_key, is_no_barcode

Kind = Literal["text", "whole", "decimal", "choice", "flag", "list", "json"]
"""What an attribute is, to those who make its values of something else, such as a file's text."""
KINDS = frozenset(get_args(Kind))

_NULL = type(None)
_TEXT = frozenset((str,))
_WHOLE = frozenset((int,))
_OBJECT = frozenset((dict,))


class Column(Protocol):
    """What is asked of one attribute."""

    @property
    def kind(self) -> Kind:
        """Return what the attribute is."""

    def check(self, values: list[Any], kinds: set[type]) -> list[Any] | None:
        """Return the canonical values (the same list when nothing changes), or None: look closer.

        `values` are not empty and without null; `kinds` are their types.
        """


class Text:
    """Text of so many characters, without U+0000 and without halves of surrogate pairs."""

    kind: Kind = "text"

    def __init__(self, shortest: int, longest: int) -> None:
        self.shortest, self.longest = shortest, longest

    def check(self, values: list[Any], kinds: set[type]) -> list[Any] | None:
        """Return the values as they are."""
        if not kinds <= _TEXT or max(map(len, values)) > self.longest:
            return None
        if self.shortest and min(map(len, values)) < self.shortest:
            return None
        joined = "".join(values)
        return values if "\0" not in joined and (joined.isascii() or _encodes(joined)) else None


class Key(Text):
    """Text that tells items apart or connects them: clean at its ends."""

    def make(self, value: str) -> str | None:
        """Return the clean text."""
        return clean_key(value)

    def is_canonical(self, values: Sequence[str]) -> bool:
        """Return whether all of these are clean already."""
        return are_clean(values)

    def check(self, values: list[Any], kinds: set[type]) -> list[Any] | None:
        """Return the values, clean."""
        if not kinds <= _TEXT:
            return None
        if self.is_canonical(values):
            return super().check(values, kinds)
        made = list(map(self.make, values))
        present = [value for value in made if value is not None]
        return made if not present or super().check(present, kinds) is not None else None


class Barcode(Key):
    """A barcode; null for a word such as N/A in its place."""

    def make(self, value: str) -> str | None:
        """Return the clean barcode, or None for what says that there is none."""
        cleaned = clean_key(value)
        return None if is_no_barcode(cleaned) else cleaned

    def is_canonical(self, values: Sequence[str]) -> bool:
        """Return whether all of these are clean, and certainly barcodes."""
        joined = "".join(values)
        if joined.isascii() and joined.isdecimal() and min(values) >= "1":  # each begins with 1 to 9
            return True
        # A real one has a digit that is not 0; the words have none.
        return are_clean(values) and not any(map(is_no_barcode, values))


class Choice:
    """One of a few words."""

    kind: Kind = "choice"

    def __init__(self, *words: str) -> None:
        self.words = frozenset(words)

    def check(self, values: list[Any], kinds: set[type]) -> list[Any] | None:
        """Return the values as they are."""
        return values if kinds <= _TEXT and self.words.issuperset(values) else None


class Whole:
    """Whole numbers within bounds; `parse` makes them of text and floats where it can."""

    kind: Kind = "whole"

    def __init__(self, parse: Callable[[Any], Any], least: int, most: int) -> None:
        self._parse, self.least, self.most = parse, least, most

    def check(self, values: list[Any], kinds: set[type]) -> list[Any] | None:
        """Return the values as int."""
        if not kinds <= _WHOLE:
            values = list(map(self._parse, values))
            if not _WHOLE.issuperset(map(type, values)):
                return None
        return values if min(values) >= self.least and max(values) <= self.most else None


class Each:
    """Values that a function makes canonical, or refuses with ValueError."""

    def __init__(self, kind: Kind, make: Callable[[Any], Any], *kinds: type, longest: int | None = None) -> None:
        """`kinds` are the types it takes; `longest` bounds text, for a function that remembers what it was given."""
        self.kind, self.make, self.kinds, self.longest = kind, make, frozenset(kinds), longest

    def check(self, values: list[Any], kinds: set[type]) -> list[Any] | None:
        """Return the canonical values."""
        if not kinds <= self.kinds:
            return None
        if self.longest is not None and str in kinds:
            texts = values if kinds <= _TEXT else [value for value in values if value.__class__ is str]
            if max(map(len, texts)) > self.longest:
                return None
        try:
            made = list(map(self.make, values))
        except ValueError:
            return None
        return values if made == values else made

    def one(self, value: Any) -> Any:
        """Return one canonical value, at less than a column's cost; raises ValueError."""
        if value.__class__ not in self.kinds or (self.longest and value.__class__ is str and len(value) > self.longest):
            raise ValueError("not plainly right")
        return self.make(value)


def checked(column: Column, values: list[Any], kinds: set[type] | None = None) -> list[Any]:
    """Return the canonical values of a column; raises ValueError where `check` would have us look closer."""
    made = column.check(values, set(map(type, values)) if kinds is None else kinds)
    if made is None:
        raise ValueError("not plainly right")
    return made


def canonical(raw: Sequence[Any], columns: Mapping[str, Column], key: str) -> list[dict[str, Any]] | None:
    """Return the canonical items when every value is plainly right, else None; unknown attributes are left out.

    `key` is the attribute that may not lack or be null. Nothing of `raw` is changed; an item that is canonical already
    is the same object.
    """
    if not raw or not _OBJECT.issuperset(map(type, raw)):
        return None
    uniform = _uniform(raw)
    found = uniform or _ragged(raw)
    changed: dict[str, list[Any]] = {}
    for name, values in found.items():
        column = columns.get(name)
        if column is None:
            continue
        kinds = set(map(type, values))
        present = values
        if _NULL in kinds:
            kinds.discard(_NULL)
            present = [value for value in values if value is not None]
        if name == key and len(present) != len(raw):
            return None
        checked = column.check(present, kinds) if present else present
        if checked is None:
            return None
        if checked is not present:
            changed[name] = checked
    if key not in found:
        return None
    return _made(raw, found, changed, columns)


def _uniform(raw: Sequence[dict[str, Any]]) -> dict[str, list[Any]] | None:
    """Return the columns of items that all have the same attributes, or None."""
    names = raw[0]
    if len(set(map(len, raw))) != 1:
        return None
    try:
        return {name: [item[name] for item in raw] for name in names}
    except KeyError:
        return None


def _ragged(raw: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return the columns of any items, each with the values that are there."""
    found: dict[str, list[Any]] = {}
    for item in raw:
        for name, value in item.items():
            found.setdefault(name, []).append(value)
    return found


def _made(
    raw: Sequence[dict[str, Any]],
    found: Mapping[str, Any],
    changed: Mapping[str, list[Any]],
    columns: Mapping[str, Column],
) -> list[dict[str, Any]]:
    """Return the items with the changed columns put in and unknown attributes left out."""
    if not columns.keys() >= found.keys():
        items = [{name: value for name, value in item.items() if name in columns} for item in raw]
    elif changed:
        items = [item.copy() for item in raw]
    else:
        return list(raw)
    for name, values in changed.items():
        if len(values) == len(items):
            for item, value in zip(items, values, strict=True):
                item[name] = value
        else:
            rest = iter(values)
            for item in items:
                if item.get(name) is not None:
                    item[name] = next(rest)
    return items


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
