"""The elements of one JSON array, or the members of one object, a stretch of the document at a time.

A stretch is cut where one element seems to end and the next to begin, and decoded as an array of its own. That the cut
was right is proved by its being valid: a cut inside a string or a nested array leaves something open. When it was not,
elements are found by counting brackets. So memory is bounded by a record; a broken element costs itself alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ingest.pull.parse.json.decode import Alike, Shape, loads, may_repeat, refuse_repeated
from ingest.pull.parse.json.scan import BrokenError, Span, Window
from ingest.pull.parse.json.values import KEY, member
from ingest.pull.records import MAX_RECORD_BYTES

_WIDE_ENOUGH = 1 << 16
MAX_MISSES = 8
"""Cuts that turn out wrong before a document's elements are found by counting brackets alone."""
_MOST_NAMES = 200
_ITEM_BEGINS = re.compile(rb'\s*(\{)\s*"[^"\\]{0,80}"\s*:')


@dataclass(frozen=True, slots=True)
class Faulty:
    """An element that cannot be used: what is written, and why not."""

    written: bytes
    error: ValueError


@dataclass(frozen=True, slots=True)
class TooLarge:
    """An element that was passed over; its first members, and as one of an object its `@key`."""

    head: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Elements:
    """Elements in a row, `Faulty` and `TooLarge` ones too, and the place in the window that they were read from."""

    values: list[Any] | Alike
    begin: int
    end: int


class ElementReader:
    """Reads elements from a window; what it learns of a document helps with its next arrays."""

    def __init__(self, window: Window, *, alike: bool) -> None:
        """`alike` is set where objects may be given as Alike."""
        self._window = window
        self._shape: Shape | None = None
        self._shapes_left = MAX_MISSES if alike else 0
        self._separator: bytes | None = None
        self._gap = 0
        self._misses = 0

    def elements(self, closing: bytes) -> Iterator[Elements]:
        """Yield what is in the array (`closing` is ]) or object (}) that was just entered, up to and with its end.

        Members of objects are their values with `@key`. Raises BrokenError where the document breaks off.
        """
        window, members = self._window, closing == b"}"
        while not window.next_is(closing):
            found = None if members else self._stretch()
            if found is not None:
                yield found
                continue
            span = window.span(closing)
            if not span.values and not span.ended:
                if window.length > MAX_RECORD_BYTES:
                    yield self._too_large(members=members)
                elif not window.double():
                    raise BrokenError("the file ends inside the items")
                continue
            if span.values:
                self._learn_separator(span)
                yield self._spanned(span.values, members=members)
            window.position = span.after
            if span.ended:
                return
        if window.token() != closing:
            raise BrokenError("the file ends inside the items")

    def one_by_one(self, places: list[tuple[int, int]], *, members: bool = False) -> Elements:
        """Decode these places of the window, each alone."""
        data, values = self._window.data, []
        for begin, end in places:
            written = data[begin:end]
            try:
                decoded = loads(b"{%b}" % written if members else written)
                if may_repeat([decoded], written):
                    refuse_repeated(b"{%b}" % written if members else written)
                values.append(_only_member(decoded) if members else decoded)
            except ValueError as error:
                values.append(Faulty(written, error))
        return Elements(values, places[0][0], places[-1][1])

    def apart(self, places: list[tuple[int, int]]) -> Elements:
        """Decode documents that lie at these places of the window, all at once if nothing is wrong with them."""
        data = self._window.data
        written = b",".join([data[begin:end] for begin, end in places])
        try:
            values = loads(b"[%b]" % written)
        except ValueError:
            values = []
        if len(values) != len(places) or may_repeat(values, written):
            return self.one_by_one(places)
        return Elements(values, places[0][0], places[-1][1])

    def _stretch(self) -> Elements | None:
        """Return the elements up to the last place in the window that looks like the end of one; None if it is not."""
        window = self._window
        if self._separator is None or self._misses >= MAX_MISSES:
            return None
        while window.length < _WIDE_ENOUGH and window.fill():
            pass
        begin = window.position
        cut = window.data.rfind(self._separator, begin)
        if cut < 0:
            return None
        written = b"[%b]" % window.data[begin : cut + 1]
        alike = None if self._shape is None else self._shape.loads(written)
        if alike is None:
            try:
                values = loads(written)
            except ValueError:
                self._misses += 1
                return None
            self._learn_shape(values)
            if may_repeat(values, written):
                return None
        window.position = cut + self._gap
        return Elements(values if alike is None else alike, begin, cut + 1)

    def _learn_shape(self, found: list[Any]) -> None:
        """Expect objects with the names of the last one here; a document has so many guesses."""
        self._shape = None
        if self._shapes_left and found[-1].__class__ is dict and 1 < len(found[-1]) <= _MOST_NAMES:
            self._shapes_left -= 1
            self._shape = Shape(list(found[-1]))

    def _spanned(self, places: list[tuple[int, int]], *, members: bool) -> Elements:
        begin, end = places[0][0], places[-1][1]
        written = self._window.data[begin:end]
        try:
            if members:
                found = loads(b"{%b}" % written)
                values = [member(name, value) for name, value in found.items()]
                whole = len(values) == len(places) and not may_repeat([found], written)
            else:
                values = loads(b"[%b]" % written)
                whole = len(values) == len(places) and not may_repeat(values, written)
        except ValueError:
            whole = False
        return Elements(values, begin, end) if whole else self.one_by_one(places, members=members)

    def _learn_separator(self, span: Span) -> None:
        """Remember how one item ends and the next begins, with its first name: `},{"id":`, whatever the indentation."""
        if len(span.values) < 2:  # noqa: PLR2004
            return
        data = self._window.data
        (first, first_end), (second, second_end) = span.values[:2]
        brace = first + len(data[first:first_end].rstrip()) - 1
        begins = _ITEM_BEGINS.match(data, second, second_end)
        if data[brace : brace + 1] == b"}" and begins is not None:
            self._separator = data[brace : begins.end()]
            self._gap = begins.start(1) - brace

    def _too_large(self, *, members: bool) -> Elements:
        """Pass over the rest of an element that is too large; what comes after it is read as usual."""
        window, head = self._window, {}
        if members:
            name, _ = window.token(), window.token()
            head = {KEY: loads(name)} if name[:1] == b'"' else {}
        with suppress(ValueError):  # else nothing is certain of it
            written = window.head()
            refuse_repeated(written)
            head |= loads(written)
        if not window.skip_value():
            raise BrokenError("the file ends inside an item that is too large")
        if window.next_is(b","):
            window.token()
        return Elements([TooLarge(head)], window.position, window.position)


def _only_member(decoded: dict[str, Any]) -> dict[str, Any]:
    if len(decoded) != 1:
        raise ValueError("expected a name and a value")
    ((name, value),) = decoded.items()
    return member(name, value)
